// Package mark reads the image's mark as what it is here: data of unknown origin.
package mark

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"unicode/utf8"

	"docker-chalk/reporter/internal/json"
	"docker-chalk/reporter/internal/safefile"
)

const (
	magic     = "dadfedabbadabbed"
	sizeLimit = 1 << 20
)

var (
	errNotJSON = errors.New("not a JSON object")
	errTooDeep = errors.New("nested too deep")
	errNoMagic = errors.New("no Chalk mark: MAGIC is missing or wrong")
	errRunTime = errors.New("a mark must not hold run-time keys (beginning with _)")
	errTwice   = errors.New("a key stands twice")
)

// Pair is one key of the mark, in the order and with the exact value text of the file.
type Pair = json.Member

type Mark struct {
	Pairs  []Pair
	SHA256 string
	File   safefile.Facts
}

// Read returns the mark at path, or with "" on standard input. With an error the mark is not to be reported, but its hash and the file's
// facts are there if it could be read at all.
func Read(path string) (Mark, error) {
	read := safefile.Read
	if path == "" {
		read = safefile.ReadInput
	}
	data, facts, err := read(path, sizeLimit)
	if err != nil {
		return Mark{File: facts}, err
	}
	sum := sha256.Sum256(data)
	pairs, err := parse(data)
	return Mark{Pairs: pairs, SHA256: hex.EncodeToString(sum[:]), File: facts}, err
}

func parse(data []byte) ([]Pair, error) {
	pairs, err := json.Members(data)
	if errors.Is(err, json.ErrDepth) {
		return nil, errTooDeep
	}
	if err != nil || !utf8.Valid(data) {
		return nil, errNotJSON
	}
	seen := map[string]bool{}
	for _, pair := range pairs {
		if strings.HasPrefix(pair.Key, "_") {
			return nil, errRunTime
		}
		if seen[pair.Key] {
			return nil, errTwice
		}
		if pair.Key == "MAGIC" && string(pair.Value) != `"`+magic+`"` {
			return nil, errNoMagic
		}
		seen[pair.Key] = true
	}
	if !seen["MAGIC"] {
		return nil, errNoMagic
	}
	return pairs, nil
}
