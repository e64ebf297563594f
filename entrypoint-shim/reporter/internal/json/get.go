package json

// At follows names through objects; nil where one is not there.
func At(value any, keys ...string) any {
	for _, key := range keys {
		object, isObject := value.(map[string]any)
		if !isObject {
			return nil
		}
		value = object[key]
	}
	return value
}

// Text is the string there, or "".
func Text(value any, keys ...string) string {
	text, _ := At(value, keys...).(string)
	return text
}

// List is the list there, or nil.
func List(value any, keys ...string) []any {
	list, _ := At(value, keys...).([]any)
	return list
}

// Object parses a text that has to be an object.
func Object(data []byte) (map[string]any, error) {
	value, err := Parse(data)
	if err != nil {
		return nil, err
	}
	object, isObject := value.(map[string]any)
	if !isObject {
		return nil, ErrSyntax
	}
	return object, nil
}
