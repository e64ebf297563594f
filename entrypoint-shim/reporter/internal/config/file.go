package config

import (
	"errors"
	"strconv"

	"docker-chalk/reporter/internal/json"
)

// parse reads runtime.json. A sink or number that cannot be used is left out; what is not known is for later versions.
func parse(data []byte) (file, error) {
	object, err := json.Object(data)
	if err != nil {
		return file{}, errNotJSON
	}
	if _, isList := object["sinks"].([]any); !isList && object["sinks"] != nil {
		return file{}, errNotJSON
	}
	var whole file
	var wrongInterval, wrongWait, wrongSink error
	whole.Interval, wrongInterval = wholeNumber(object["interval"])
	whole.ExitWaitMS, wrongWait = wholeNumber(object["exit_wait_ms"])
	for _, each := range json.List(object, "sinks") {
		if sink, good := sinkFrom(each); good && sink.valid() {
			whole.Sinks = append(whole.Sinks, sink)
		} else {
			wrongSink = errBadSink
		}
	}
	return whole, errors.Join(wrongSink, wrongInterval, wrongWait)
}

func wholeNumber(value any) (int, error) {
	if value == nil {
		return 0, nil
	}
	text, _ := value.(json.Number)
	number, err := strconv.ParseInt(string(text), 10, 32)
	if err != nil {
		return 0, errNumber
	}
	return int(number), nil
}

// sinkFrom wants a text wherever it knows the name.
func sinkFrom(value any) (Sink, bool) {
	object, good := value.(map[string]any)
	text := func(name string) string {
		text, isText := object[name].(string)
		good = good && (isText || object[name] == nil)
		return text
	}
	sink := Sink{
		Kind: Kind(text("type")), URL: text("url"), Path: text("path"), Region: text("region"), Endpoint: text("endpoint"),
		TokenFile: text("token_file"), HeadersFile: text("headers_file"),
	}
	headers, isObject := object["headers"].(map[string]any)
	if good = good && (isObject || object["headers"] == nil); len(headers) > 0 {
		sink.Headers = map[string]string{}
	}
	for name, value := range headers {
		text, isText := value.(string)
		good = good && isText
		sink.Headers[name] = text
	}
	return sink, good
}
