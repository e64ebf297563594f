// Package mark reads the image's mark as what it is here: data of unknown origin.
package mark

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"

	"docker-chalk/reporter/internal/safefile"
)

const (
	magic     = "dadfedabbadabbed"
	sizeLimit = 1 << 20
	maxDepth  = 64
)

var (
	errNotJSON = errors.New("not a JSON object")
	errTooDeep = errors.New("nested too deep")
	errNoMagic = errors.New("no Chalk mark: MAGIC is missing or wrong")
	errRunTime = errors.New("a mark must not hold run-time keys (beginning with _)")
	errTwice   = errors.New("a key stands twice")
)

// Pair is one key of the mark, in the order and with the exact value text of the file.
type Pair struct {
	Key   string
	Value json.RawMessage
}

type Mark struct {
	Pairs  []Pair
	SHA256 string
	File   safefile.Facts
}

// Read returns the mark at path. With an error the mark is not to be reported, but its hash and the file's
// facts are there if it could be read at all.
func Read(path string) (Mark, error) {
	data, facts, err := safefile.Read(path, sizeLimit)
	if err != nil {
		return Mark{File: facts}, err
	}
	sum := sha256.Sum256(data)
	pairs, err := parse(data)
	return Mark{Pairs: pairs, SHA256: hex.EncodeToString(sum[:]), File: facts}, err
}

func parse(data []byte) ([]Pair, error) {
	if depth(data) > maxDepth {
		return nil, errTooDeep
	}
	if !utf8.Valid(data) || !json.Valid(data) {
		return nil, errNotJSON
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	if open, err := decoder.Token(); err != nil || open != json.Delim('{') {
		return nil, errNotJSON
	}
	var pairs []Pair
	seen := map[string]bool{}
	for decoder.More() {
		token, err := decoder.Token()
		key, isString := token.(string)
		if err != nil || !isString {
			return nil, errNotJSON
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, errNotJSON
		}
		if strings.HasPrefix(key, "_") {
			return nil, errRunTime
		}
		if seen[key] {
			return nil, errTwice
		}
		if key == "MAGIC" && string(value) != `"`+magic+`"` {
			return nil, errNoMagic
		}
		seen[key] = true
		pairs = append(pairs, Pair{key, value})
	}
	if !seen["MAGIC"] {
		return nil, errNoMagic
	}
	return pairs, nil
}

// depth is measured before any parser sees the text; it is right for valid JSON, which is all that goes on.
func depth(data []byte) int {
	deepest, now, inString := 0, 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			now++
			deepest = max(deepest, now)
		case c == '}' || c == ']':
			now--
		}
	}
	return deepest
}
