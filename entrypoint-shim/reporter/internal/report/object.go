package report

import (
	"bytes"
	"encoding/json"
)

// object is a JSON object whose keys keep the order in which they were put.
type object struct{ buffer bytes.Buffer }

// put adds a key; a value that is unknown (nil, "", empty list or map) is left out, as Chalk does.
func (o *object) put(key string, value any) {
	text := encode(value)
	switch string(text) {
	case `null`, `""`, `[]`, `{}`:
		return
	}
	o.putText(key, text)
}

func (o *object) putText(key string, text []byte) {
	if o.buffer.Len() > 0 {
		o.buffer.WriteByte(',')
	}
	o.buffer.Write(encode(key))
	o.buffer.WriteByte(':')
	o.buffer.Write(text)
}

func (o *object) MarshalJSON() ([]byte, error) {
	return append(append([]byte{'{'}, o.buffer.Bytes()...), '}'), nil
}

func encode(value any) []byte {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return []byte("null")
	}
	return bytes.TrimRight(buffer.Bytes(), "\n")
}
