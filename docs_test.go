package exeunt

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestTheTestsThatDocumentsNameExist keeps promises from outliving what shows them.
func TestTheTestsThatDocumentsNameExist(t *testing.T) {
	var code strings.Builder
	err := filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		b, err := os.ReadFile(path)
		code.Write(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	docs, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	named := 0
	for _, doc := range docs {
		b, err := os.ReadFile(doc)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range regexp.MustCompile("`(Test[A-Za-z0-9]+)`").FindAllStringSubmatch(string(b), -1) {
			named++
			if !strings.Contains(code.String(), "\nfunc "+name[1]+"(t *testing.T)") {
				t.Errorf("%s names %s, which does not exist", doc, name[1])
			}
		}
	}
	if named < 40 {
		t.Errorf("%d tests are named", named)
	}
}
