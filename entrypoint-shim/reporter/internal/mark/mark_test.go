package mark

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const good = `{ "MAGIC" : "dadfedabbadabbed", "CHALK_ID" : "EVJ0P3-6ZYG-D47A-Q22TYJ", "COMMIT_SIGNED" : false, "X_N" : 1.50, "$X" : ["\u00e9{["] }`

func TestGoodMark(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chalk.json")
	if err := os.WriteFile(path, []byte(good), 0o444); err != nil {
		t.Fatal(err)
	}
	mark, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	var keys, values []string
	for _, pair := range mark.Pairs {
		keys, values = append(keys, pair.Key), append(values, string(pair.Value))
	}
	if got := strings.Join(keys, " "); got != "MAGIC CHALK_ID COMMIT_SIGNED X_N $X" {
		t.Error(got)
	}
	if got := strings.Join(values, " "); got != `"dadfedabbadabbed" "EVJ0P3-6ZYG-D47A-Q22TYJ" false 1.50 ["\u00e9{["]` {
		t.Error(got)
	}
	if sum := sha256.Sum256([]byte(good)); mark.SHA256 != hex.EncodeToString(sum[:]) {
		t.Error(mark.SHA256)
	}
}

func TestHostileText(t *testing.T) {
	magicAnd := func(rest string) string { return `{"MAGIC":"dadfedabbadabbed",` + rest + `}` }
	nested := func(n int) string { return magicAnd(`"A":` + strings.Repeat("[", n) + strings.Repeat("]", n)) }
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"empty":       {"", errNotJSON},
		"not json":    {"hello", errNotJSON},
		"array":       {`["MAGIC"]`, errNotJSON},
		"cut":         {good[:40], errNotJSON},
		"two objects": {good + good, errNotJSON},
		"bad utf-8":   {magicAnd("\"A\":\"\xff\""), errNotJSON},
		"64 deep":     {nested(63), nil},
		"65 deep":     {nested(64), errTooDeep},
		"200k deep":   {strings.Repeat("[", 200_000), errTooDeep},
		"no magic":    {`{"CHALK_ID":"A"}`, errNoMagic},
		"wrong magic": {`{"MAGIC":"dadf"}`, errNoMagic},
		"spoofed id":  {magicAnd(`"_INSTANCE_CONTAINER_ID":"x"`), errRunTime},
		"key twice":   {magicAnd(`"A":1,"A":2`), errTwice},
	} {
		pairs, err := parse([]byte(c.text))
		if !errors.Is(err, c.want) || (c.want != nil && pairs != nil) {
			t.Errorf("%s: %d pairs, %v", name, len(pairs), err)
		}
	}
}
