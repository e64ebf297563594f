package json

import (
	"bytes"
	standard "encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

// The standard library is the judge here; it is not in the program.
func theirs(data []byte) (any, error) {
	decoder := standard.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	if !standard.Valid(data) { // something follows
		return nil, ErrSyntax
	}
	return ours(value), nil
}

// ours has our kind of numbers in the place of theirs.
func ours(value any) any {
	switch v := value.(type) {
	case standard.Number:
		return Number(v)
	case []any:
		for i := range v {
			v[i] = ours(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = ours(v[key])
		}
	}
	return value
}

func depthOf(data []byte) int {
	deepest, now, inText := 0, 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case inText && c == '\\':
			i++
		case c == '"':
			inText = !inText
		case inText:
		case c == '{' || c == '[':
			now++
			deepest = max(deepest, now)
		case c == '}' || c == ']':
			now--
		}
	}
	return deepest
}

// check compares one text with the standard library's answer, and what is written from it.
func check(t *testing.T, data []byte) {
	t.Helper()
	got, err := Parse(data)
	want, wrong := theirs(data)
	if wrong == nil && depthOf(data) > MaxDepth {
		if !errors.Is(err, ErrDepth) {
			t.Errorf("%q: %v", data, err)
		}
		return
	}
	if (err == nil) != (wrong == nil) || !reflect.DeepEqual(got, want) {
		t.Errorf("%q\n got %#v %v\nwant %#v %v", data, got, err, want, wrong)
		return
	}
	members, err := Members(data)
	if object, isObject := want.(map[string]any); (err == nil) != isObject || len(members) < len(object) {
		t.Errorf("%q: %v %v", data, members, err)
	}
	if wrong != nil {
		return
	}
	for _, member := range members {
		if !standard.Valid(member.Value) {
			t.Errorf("%q: %q", data, member.Value)
		}
	}
	var compact bytes.Buffer
	if err := standard.Compact(&compact, data); err != nil || string(Append(nil, Raw(data))) != compact.String() {
		t.Errorf("%q: compact is %q, not %q", data, Append(nil, Raw(data)), compact.String())
	}
	text := Append(nil, got)
	again, err := theirs(text)
	if err != nil || !reflect.DeepEqual(again, want) || bytes.ContainsAny(text, "\n\r") {
		t.Errorf("%q was written as %q", data, text)
	}
}

var seeds = []string{
	"", " ", "null", "true", "false", "nul", "truex", "0", "-0", "-", "01", "1.", ".5", "1.5e+7", "1e", "1E-", "-1e9999", "12345678901234567890",
	`""`, `"a`, `"\`, `"\u12`, `"\x"`, "\"\t\"", "\"\xff\xfe\"", `"\ud83d\ude00"`, `"\ud83d"`, `"\ud83d\u0041"`, `"\udc00\ud83d"`, `"é\/\b\f\n\r\t\"\\"`, "\"\x7f\u2028\"",
	"[]", "[ ]", "[1,]", "[,1]", "[1 2]", "[1,[2,{\"a\":[]}]]", "]", "{}", `{"a":1,"a":2}`, `{"a"}`, `{"a":}`, `{a:1}`, `{"a":1,}`, `{,}`, ` { "a" : [ 1 , "b c" , { } ] } `,
	"{}{}", "[] x", "\x00", "[\x00]", "\ufeff[]", "//", `{"\u0061":1,"a":2}`,
	strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth), strings.Repeat("[", MaxDepth+1) + strings.Repeat("]", MaxDepth+1),
}

func TestAsTheStandardLibrary(t *testing.T) {
	for _, seed := range seeds {
		check(t, []byte(seed))
	}
}

// Texts made of pieces that mean something in JSON, most of them broken somewhere.
func TestGeneratedTexts(t *testing.T) {
	pieces := []string{"{", "}", "[", "]", ",", ":", `"`, `"a"`, `"b":`, `\`, `\u`, "00e9", "d83d", "null", "true", "1", "0", "-", ".", "e", "+", " ", "\n", "é", "\xff", "\x01", "x"}
	random := rand.New(rand.NewPCG(1, 2))
	for range 100_000 {
		var text []byte
		for range random.IntN(12) {
			text = append(text, pieces[random.IntN(len(pieces))]...)
		}
		check(t, text)
	}
	for range 20_000 {
		text := Append(nil, generated(random, 0))
		check(t, text)
		text[random.IntN(len(text))] = byte(random.IntN(256))
		check(t, text)
	}
}

func generated(random *rand.Rand, depth int) any {
	switch kind := random.IntN(8); {
	case kind == 0 && depth < 5:
		object := map[string]any{}
		for range random.IntN(4) {
			object[string(rune('a'+random.IntN(5)))] = generated(random, depth+1)
		}
		return object
	case kind == 1 && depth < 5:
		list := []any{}
		for range random.IntN(4) {
			list = append(list, generated(random, depth+1))
		}
		return list
	case kind == 2:
		return nil
	case kind == 3:
		return random.IntN(2) == 0
	case kind == 4:
		return random.IntN(1000) - 500
	case kind == 5:
		return random.Float64()
	}
	var text []byte
	for range random.IntN(6) {
		text = append(text, byte(random.IntN(256)))
	}
	return string(text)
}

func FuzzParse(f *testing.F) {
	for _, seed := range seeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) { check(t, data) })
}

type own struct{}

func (own) AppendJSON(text []byte) []byte { return append(text, "own"...) }

func TestWritesWhatReportsAreMadeOf(t *testing.T) {
	for _, c := range []struct {
		value any
		want  string
	}{
		{nil, "null"}, {true, "true"}, {-7, "-7"}, {int64(1 << 60), "1152921504606846976"}, {uint32(9), "9"}, {12.5, "12.5"}, {1e7, "10000000"}, {math.NaN(), "null"},
		{Number("1.50"), "1.50"}, {"a\"\\\n\r\t\x01<é\xff", `"a\"\\\n\r\t\u0001<é` + "\ufffd" + `"`}, {[]string(nil), "[]"}, {[]string{"a", "b"}, `["a","b"]`},
		{[][]string{{"a"}, {}}, `[["a"],[]]`}, {[]int{1, 2}, "[1,2]"}, {map[string]string{"b": "1", "a": "2"}, `{"a":"2","b":"1"}`}, {map[string][]string{"a": {"b"}}, `{"a":["b"]}`},
		{map[string][]map[string]string{"k": {{"c": "d"}}}, `{"k":[{"c":"d"}]}`}, {[]any{nil, own{}}, "[null,own]"}, {Raw("{ \"a b\" :\n[ 1 , \"\\\" \" ] }"), `{"a b":[1,"\" "]}`}, {struct{}{}, "null"},
	} {
		if got := string(Append(nil, c.value)); got != c.want {
			t.Errorf("%#v: %s", c.value, got)
		}
	}
}

func TestMembersKeepOrderAndText(t *testing.T) {
	members, err := Members([]byte(` { "b" : 1.50, "a":[ 1 ] ,"b": "\u00e9" } `))
	want := []Member{{"b", Raw("1.50")}, {"a", Raw("[ 1 ]")}, {"b", Raw(`"\u00e9"`)}}
	if err != nil || !reflect.DeepEqual(members, want) {
		t.Error(members, err)
	}
}

func TestWays(t *testing.T) {
	object, err := Object([]byte(`{"a":{"b":"c","d":[1]}}`))
	if err != nil || Text(object, "a", "b") != "c" || Text(object, "a", "x") != "" || Text(object, "a", "b", "c") != "" || len(List(object, "a", "d")) != 1 || List(object, "a") != nil {
		t.Error(object, err)
	}
	for _, text := range []string{"[]", "null", "x", ""} {
		if _, err := Object([]byte(text)); err == nil {
			t.Error(text)
		}
	}
}
