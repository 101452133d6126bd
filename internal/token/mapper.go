package token

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"time"

	"github.com/google/go-jsonnet"
	"github.com/google/go-jsonnet/ast"
	"github.com/google/go-jsonnet/toolutils"
)

// Bounds on a mapper. The parser goes as deep as its text nests, and would end the process if that were too deep.
const (
	longestMapper = 16 << 10 // bytes
	mostBrackets  = 2000
	mapperStack   = 500 // calls inside calls
	mapperTime    = 2 * time.Second
)

// mapper makes claims of a session. It is code of the operator, in Jsonnet: it can read nothing but what it is given.
type mapper struct {
	program ast.Node
	limit   time.Duration
	slots   chan struct{} // one for each run; a run that is not waited for any longer keeps its own until it ends
}

// mapperName stands for the mapper in places of errors.
const mapperName = "mapper"

var errImport = errors.New("a mapper can import nothing; put everything into one text")

// newMapper parses a mapper; "" is none.
func newMapper(source string) (*mapper, error) {
	if source == "" {
		return nil, nil
	}
	if len(source) > longestMapper {
		return nil, fmt.Errorf("it is longer than %d bytes", longestMapper)
	}
	if strings.Count(source, "(")+strings.Count(source, "[")+strings.Count(source, "{") > mostBrackets {
		return nil, fmt.Errorf("it has more than %d brackets", mostBrackets)
	}
	program, err := jsonnet.SnippetToAST(mapperName, source)
	if err != nil {
		return nil, err
	}
	if imports(program) {
		return nil, errImport
	}
	return &mapper{program, mapperTime, make(chan struct{}, max(2, runtime.GOMAXPROCS(0)))}, nil
}

func imports(n ast.Node) bool {
	switch n.(type) {
	case *ast.Import, *ast.ImportStr, *ast.ImportBin:
		return true
	}
	for _, child := range toolutils.Children(n) {
		if imports(child) {
			return true
		}
	}
	return false
}

// run evaluates the mapper on a session and the default claims, both JSON. It waits no longer than the limit. The
// evaluation itself cannot be stopped from outside, so no more than a few may be at work.
func (m *mapper) run(ctx context.Context, session, claims []byte) (string, error) {
	limit := time.NewTimer(m.limit)
	defer limit.Stop()
	select {
	case m.slots <- struct{}{}:
	case <-limit.C:
		return "", ErrSlow
	case <-ctx.Done():
		return "", ctx.Err()
	}
	done := make(chan outcome, 1)
	go func() {
		defer func() { <-m.slots }()
		text, err := m.evaluate(session, claims)
		done <- outcome{text, err}
	}()
	select {
	case o := <-done:
		return o.text, o.err
	case <-limit.C:
		return "", ErrSlow
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

type outcome struct {
	text string
	err  error
}

func (m *mapper) evaluate(session, claims []byte) (text string, err error) {
	defer func() {
		if p := recover(); p != nil { // the interpreter recovers by itself, but nothing here may end the process
			err = errors.New("the interpreter panicked")
		}
	}()
	vm := jsonnet.MakeVM()
	vm.MaxStack = mapperStack
	vm.Importer(noImports{})
	vm.SetTraceOut(io.Discard)
	vm.ExtCode("session", string(session))
	vm.ExtCode("claims", string(claims))
	return vm.Evaluate(m.program)
}

type noImports struct{}

func (noImports) Import(string, string) (jsonnet.Contents, string, error) {
	return jsonnet.Contents{}, "", errImport
}

// explain tells what a run ended with. Of an error in the mapper the log gets the place alone: the text may hold what is
// in the session.
func (t *template) explain(err error) error {
	switch {
	case errors.Is(err, ErrSlow):
		return ErrSlow.Because(fmt.Errorf("the mapper of the template %q was not done after %s", t.name, t.mapper.limit))
	case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return err
	}
	at := "an unknown place"
	var failed jsonnet.RuntimeError
	if errors.As(err, &failed) {
		for _, frame := range failed.StackTrace {
			if frame.Loc.FileName == mapperName {
				at = fmt.Sprintf("line %d, column %d", frame.Loc.Begin.Line, frame.Loc.Begin.Column)
			}
		}
	}
	return ErrMapper.Because(fmt.Errorf("the mapper of the template %q failed at %s", t.name, at))
}
