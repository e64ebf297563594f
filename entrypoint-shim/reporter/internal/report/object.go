package report

import "docker-chalk/reporter/internal/json"

// object is a JSON object whose keys keep the order in which they were put.
type object struct{ text []byte }

// put adds a key; a value that is unknown (nil, "", empty list or map) is left out, as Chalk does.
func (o *object) put(key string, value any) {
	text := json.Append(nil, value)
	switch string(text) {
	case `null`, `""`, `[]`, `{}`:
		return
	}
	o.putText(key, text)
}

func (o *object) putText(key string, text []byte) {
	if len(o.text) > 0 {
		o.text = append(o.text, ',')
	}
	o.text = append(json.Append(o.text, key), ':')
	o.text = append(o.text, text...)
}

func (o *object) AppendJSON(text []byte) []byte {
	return append(append(append(text, '{'), o.text...), '}')
}
