package web

import (
	"bufio"
	"errors"
	"io"
	"strconv"
	"strings"
)

const (
	maxLine    = 16 << 10
	maxHeaders = 100
)

// receive reads an answer, passing over the interim ones (1xx).
func receive(reader *bufio.Reader, limit int64) (Answer, error) {
	var answer Answer
	var err error
	for range 5 {
		answer.Status, answer.Headers, err = head(reader)
		if err != nil || answer.Status/100 != 1 {
			break
		}
	}
	if err == nil && answer.Status/100 == 1 {
		err = errMalformed
	}
	if err != nil {
		return Answer{}, err
	}
	answer.Body, err = body(reader, answer, limit)
	return answer, err
}

func head(reader *bufio.Reader) (int, map[string]string, error) {
	first, err := line(reader)
	if err != nil {
		return 0, nil, err
	}
	protocol, rest, _ := strings.Cut(first, " ")
	code, _, _ := strings.Cut(rest, " ")
	status, err := strconv.Atoi(code)
	if !strings.HasPrefix(protocol, "HTTP/1.") || err != nil || status < 100 || status > 999 {
		return 0, nil, errMalformed
	}
	headers := map[string]string{}
	for range maxHeaders {
		text, err := line(reader)
		if err != nil {
			return 0, nil, err
		}
		if text == "" {
			return status, headers, nil
		}
		name, value, found := strings.Cut(text, ":")
		if !found {
			return 0, nil, errMalformed
		}
		headers[strings.ToLower(name)] = strings.TrimSpace(value)
	}
	return 0, nil, errMalformed
}

func line(reader *bufio.Reader) (string, error) {
	var text []byte
	for {
		part, err := reader.ReadSlice('\n')
		text = append(text, part...)
		if len(text) > maxLine {
			return "", errMalformed
		}
		if err == nil {
			return strings.TrimRight(string(text), "\r\n"), nil
		}
		if errors.Is(err, io.EOF) {
			return "", io.ErrUnexpectedEOF
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return "", err
		}
	}
}

func body(reader *bufio.Reader, answer Answer, limit int64) ([]byte, error) {
	if answer.Status == 204 || answer.Status == 304 {
		return nil, nil
	}
	if strings.EqualFold(answer.Headers["transfer-encoding"], "chunked") {
		return chunks(reader, limit)
	}
	if text, has := answer.Headers["content-length"]; has {
		size, err := strconv.ParseInt(text, 10, 64)
		if err != nil || size < 0 {
			return nil, errMalformed
		}
		if size > limit {
			return nil, ErrTooLarge
		}
		data := make([]byte, size)
		_, err = io.ReadFull(reader, data)
		return data, err
	}
	data, err := io.ReadAll(io.LimitReader(reader, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = ErrTooLarge
	}
	return data, err
}

func chunks(reader *bufio.Reader, limit int64) ([]byte, error) {
	var data []byte
	for {
		text, err := line(reader)
		if err != nil {
			return nil, err
		}
		digits, _, _ := strings.Cut(text, ";")
		size, err := strconv.ParseUint(strings.TrimSpace(digits), 16, 31)
		if err != nil {
			return nil, errMalformed
		}
		if size == 0 {
			return data, nil
		}
		if int64(len(data))+int64(size) > limit {
			return nil, ErrTooLarge
		}
		start := len(data)
		data = append(data, make([]byte, size)...)
		if _, err := io.ReadFull(reader, data[start:]); err != nil {
			return nil, err
		}
		if end, err := line(reader); err != nil || end != "" {
			return nil, errMalformed
		}
	}
}
