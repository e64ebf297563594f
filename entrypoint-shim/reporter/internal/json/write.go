package json

import (
	"math"
	"slices"
	"strconv"
	"unicode/utf8"
)

// Appender is a value that writes itself.
type Appender interface{ AppendJSON(text []byte) []byte }

// Append writes a value after text, on one line: what Parse returns, and the types that reports are made of. What is of
// another type is null.
func Append(text []byte, value any) []byte {
	switch v := value.(type) {
	case string:
		return appendText(text, v)
	case bool:
		return strconv.AppendBool(text, v)
	case int:
		return strconv.AppendInt(text, int64(v), 10)
	case int64:
		return strconv.AppendInt(text, v, 10)
	case uint32:
		return strconv.AppendUint(text, uint64(v), 10)
	case float64:
		return appendFloat(text, v)
	case Number:
		return append(text, v...)
	case Raw:
		return appendCompact(text, v)
	case []any:
		return appendList(text, v)
	case []string:
		return appendList(text, v)
	case [][]string:
		return appendList(text, v)
	case []int:
		return appendList(text, v)
	case []map[string]string:
		return appendList(text, v)
	case map[string]any:
		return appendMap(text, v)
	case map[string]string:
		return appendMap(text, v)
	case map[string][]string:
		return appendMap(text, v)
	case map[string][]map[string]string:
		return appendMap(text, v)
	case Appender:
		return v.AppendJSON(text)
	}
	return append(text, "null"...)
}

func appendList[T any](text []byte, list []T) []byte {
	text = append(text, '[')
	for i, item := range list {
		if i > 0 {
			text = append(text, ',')
		}
		text = Append(text, item)
	}
	return append(text, ']')
}

// appendMap sorts, so that the same facts are the same text.
func appendMap[T any](text []byte, object map[string]T) []byte {
	keys := make([]string, 0, len(object))
	for key := range object {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	text = append(text, '{')
	for i, key := range keys {
		if i > 0 {
			text = append(text, ',')
		}
		text = append(appendText(text, key), ':')
		text = Append(text, object[key])
	}
	return append(text, '}')
}

func appendFloat(text []byte, value float64) []byte {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return append(text, "null"...)
	}
	return strconv.AppendFloat(text, value, 'f', -1, 64)
}

func appendText(text []byte, value string) []byte {
	const digits = "0123456789abcdef"
	text = append(text, '"')
	for i := 0; i < len(value); {
		c := value[i]
		if c >= utf8.RuneSelf {
			character, size := utf8.DecodeRuneInString(value[i:])
			text = utf8.AppendRune(text, character) // U+FFFD where it is no UTF-8
			i += size
			continue
		}
		i++
		switch c {
		case '"', '\\':
			text = append(text, '\\', c)
		case '\n':
			text = append(text, '\\', 'n')
		case '\r':
			text = append(text, '\\', 'r')
		case '\t':
			text = append(text, '\\', 't')
		default:
			if c < ' ' {
				text = append(text, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
			} else {
				text = append(text, c)
			}
		}
	}
	return append(text, '"')
}

// appendCompact leaves out the space between the parts of a valid text.
func appendCompact(text []byte, raw Raw) []byte {
	inText := false
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		switch {
		case inText && c == '\\' && i+1 < len(raw):
			text = append(text, c, raw[i+1])
			i++
			continue
		case c == '"':
			inText = !inText
		case !inText && isSpace(c):
			continue
		}
		text = append(text, c)
	}
	return text
}
