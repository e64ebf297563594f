// Package json reads and writes JSON within bounds. encoding/json, with the reflection it needs, would be a quarter of a
// megabyte more in every image.
package json

import (
	"errors"
	"unicode/utf16"
	"unicode/utf8"
)

// MaxDepth is how deep objects and lists may be nested.
const MaxDepth = 64

var (
	ErrSyntax = errors.New("not valid JSON")
	ErrDepth  = errors.New("nested too deep")
)

// Number is a number as it stands in the text.
type Number string

// Raw is a valid JSON text of one value.
type Raw []byte

// Member is one name of an object, and its value as it stands in the text.
type Member struct {
	Key   string
	Value Raw
}

// Parse reads one value: nil, bool, Number, string, []any or map[string]any. Of a name that stands twice the last value
// counts. Text that is not UTF-8 becomes U+FFFD, byte by byte.
func Parse(data []byte) (any, error) {
	r := reader{data: data}
	value, err := r.value()
	if err == nil {
		err = r.end()
	}
	if err != nil {
		return nil, err
	}
	return value, nil
}

// Members reads an object whose order and exact values matter; names may stand twice.
func Members(data []byte) ([]Member, error) {
	r := reader{data: data}
	r.space()
	if r.peek() != '{' {
		if _, err := Parse(data); err != nil {
			return nil, err
		}
		return nil, ErrSyntax
	}
	var members []Member
	err := r.object(func(key string) error {
		r.space()
		start := r.at
		_, err := r.value()
		members = append(members, Member{key, data[start:r.at:r.at]})
		return err
	})
	if err == nil {
		err = r.end()
	}
	if err != nil {
		return nil, err
	}
	return members, nil
}

type reader struct {
	data      []byte
	at, depth int
}

// peek returns 0 at the end; a 0 in the text is no more allowed than the end.
func (r *reader) peek() byte {
	if r.at < len(r.data) {
		return r.data[r.at]
	}
	return 0
}

func (r *reader) space() {
	for r.at < len(r.data) && isSpace(r.data[r.at]) {
		r.at++
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

func (r *reader) end() error {
	if r.space(); r.at < len(r.data) {
		return ErrSyntax
	}
	return nil
}

func (r *reader) value() (any, error) {
	r.space()
	switch c := r.peek(); c {
	case '{':
		found := map[string]any{}
		err := r.object(func(key string) (err error) {
			found[key], err = r.value()
			return err
		})
		return found, err
	case '[':
		return r.list()
	case '"':
		return r.text()
	case 't':
		return true, r.word("true")
	case 'f':
		return false, r.word("false")
	case 'n':
		return nil, r.word("null")
	default:
		return r.number()
	}
}

func (r *reader) word(word string) error {
	if len(r.data)-r.at < len(word) || string(r.data[r.at:r.at+len(word)]) != word {
		return ErrSyntax
	}
	r.at += len(word)
	return nil
}

// object reads from { to }, and has each value read by the function.
func (r *reader) object(member func(key string) error) error {
	return r.series('}', func() error {
		if r.peek() != '"' {
			return ErrSyntax
		}
		key, err := r.text()
		if err != nil {
			return err
		}
		if r.space(); r.peek() != ':' {
			return ErrSyntax
		}
		r.at++
		return member(key)
	})
}

func (r *reader) list() ([]any, error) {
	found := []any{}
	err := r.series(']', func() error {
		value, err := r.value()
		found = append(found, value)
		return err
	})
	return found, err
}

// series reads what stands between brackets, with commas between.
func (r *reader) series(closing byte, item func() error) error {
	if r.depth++; r.depth > MaxDepth {
		return ErrDepth
	}
	r.at++
	for first := true; ; first = false {
		if r.space(); first && r.peek() == closing {
			break
		}
		if err := item(); err != nil {
			return err
		}
		if r.space(); r.peek() == closing {
			break
		}
		if r.peek() != ',' {
			return ErrSyntax
		}
		r.at++
		r.space()
	}
	r.at++
	r.depth--
	return nil
}

func (r *reader) digits() bool {
	start := r.at
	for c := r.peek(); c >= '0' && c <= '9'; c = r.peek() {
		r.at++
	}
	return r.at > start
}

func (r *reader) number() (any, error) {
	start := r.at
	if r.peek() == '-' {
		r.at++
	}
	if r.peek() == '0' {
		r.at++
	} else if !r.digits() {
		return nil, ErrSyntax
	}
	if r.peek() == '.' {
		r.at++
		if !r.digits() {
			return nil, ErrSyntax
		}
	}
	if c := r.peek(); c == 'e' || c == 'E' {
		r.at++
		if c := r.peek(); c == '+' || c == '-' {
			r.at++
		}
		if !r.digits() {
			return nil, ErrSyntax
		}
	}
	return Number(r.data[start:r.at]), nil
}

// text reads from quote to quote.
func (r *reader) text() (string, error) {
	var text []byte
	for r.at++; r.at < len(r.data); {
		switch c := r.data[r.at]; {
		case c == '"':
			r.at++
			return string(text), nil
		case c == '\\':
			character, err := r.escape()
			if err != nil {
				return "", err
			}
			text = utf8.AppendRune(text, character)
		case c < ' ':
			return "", ErrSyntax
		case c < utf8.RuneSelf:
			text = append(text, c)
			r.at++
		default:
			character, size := utf8.DecodeRune(r.data[r.at:])
			text = utf8.AppendRune(text, character)
			r.at += size
		}
	}
	return "", ErrSyntax
}

// escape reads a backslash and what belongs to it. Half a pair of surrogates is U+FFFD.
func (r *reader) escape() (rune, error) {
	r.at++
	c := r.peek()
	r.at++
	switch c {
	case '"', '\\', '/':
		return rune(c), nil
	case 'b':
		return '\b', nil
	case 'f':
		return '\f', nil
	case 'n':
		return '\n', nil
	case 'r':
		return '\r', nil
	case 't':
		return '\t', nil
	case 'u':
		first, good := r.hex(r.at)
		if !good {
			return 0, ErrSyntax
		}
		r.at += 4
		if !utf16.IsSurrogate(first) {
			return first, nil
		}
		if r.peek() == '\\' && r.at+1 < len(r.data) && r.data[r.at+1] == 'u' {
			second, good := r.hex(r.at + 2)
			if pair := utf16.DecodeRune(first, second); good && pair != utf8.RuneError {
				r.at += 6
				return pair, nil
			}
		}
		return utf8.RuneError, nil
	}
	return 0, ErrSyntax
}

func (r *reader) hex(at int) (rune, bool) {
	var value rune
	if len(r.data)-at < 4 {
		return 0, false
	}
	for _, c := range r.data[at : at+4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		value = value<<4 | rune(c)
	}
	return value, true
}
