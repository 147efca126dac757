// Package mutate measures tests by breaking what they test. It finds places in
// the source of a package where a small change should make a test fail, builds
// the tests once with all changes in it, each of them switched off, and then runs
// them with one change at a time switched on. A change that no test notices is a
// check that nobody holds.
//
// The source tree is never touched: the changed files go to the go command as an
// overlay. A change in a package-level constant cannot be switched, and is not made.
package mutate

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
)

// A Kind is what is changed.
type Kind string

// The kinds.
const (
	Never   Kind = "never"   // a condition is false: what it guards is not done
	Always  Kind = "always"  // a condition is true
	Without Kind = "without" // one side of && or || is left out
	Flip    Kind = "flip"    // == for !=, or a truth value that is returned, the other way round
	Edge    Kind = "edge"    // <= for <, and so on
	Drop    Kind = "drop"    // a statement is not executed
	NoError Kind = "noerror" // an error that is returned is nil
	Off     Kind = "off"     // a number is one more
)

// A Mutant is one change.
type Mutant struct {
	ID   int    // from 1, its switch
	File string // as it was named
	Line int
	Func string // the function around it, with its receiver's type: "deciding.checkAge"
	Kind Kind
	Text string // what is changed, on one line
}

// Key names the mutant by what it changes, and not by where that stands.
func (m Mutant) Key() string { return m.Func + "\t" + string(m.Kind) + " " + m.Text }

func (m Mutant) String() string {
	return fmt.Sprintf("%s:%d: %s: %s %s", m.File, m.Line, m.Func, m.Kind, m.Text)
}

// A change writes a mutant into the source: text around a span, which may also
// have the operator in it replaced.
type change struct {
	Mutant
	from, to      int
	before, after string
	op, opEnd     int // of what is replaced; 0 if nothing is
	replacement   string
}

// find returns the changes of one file, outer ones before those inside them.
// Numbers begin behind first.
func find(name string, src []byte, first int) ([]change, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, src, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	f := &finder{name: name, src: src, fset: fset, next: first}
	for _, d := range file.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
			f.fn, f.results = funcName(fn), [][]string{resultTypes(fn.Type)}
			f.block(fn.Body)
		}
	}
	return f.changes, nil
}

type finder struct {
	name    string
	src     []byte
	fset    *token.FileSet
	fn      string
	results [][]string // of the function, and of the literals in it that are walked
	next    int
	changes []change
}

func funcName(fn *ast.FuncDecl) string {
	if fn.Recv == nil || len(fn.Recv.List) == 0 {
		return fn.Name.Name
	}
	t := fn.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	if generic, ok := t.(*ast.IndexExpr); ok {
		t = generic.X
	}
	if id, ok := t.(*ast.Ident); ok {
		return id.Name + "." + fn.Name.Name
	}
	return fn.Name.Name
}

// resultTypes are the names of the types of a function's results; "" for those
// that have none.
func resultTypes(t *ast.FuncType) (names []string) {
	if t.Results == nil {
		return nil
	}
	for _, field := range t.Results.List {
		name := ""
		if id, ok := field.Type.(*ast.Ident); ok {
			name = id.Name
		}
		for range max(len(field.Names), 1) {
			names = append(names, name)
		}
	}
	return names
}

func (f *finder) offset(p token.Pos) int { return f.fset.Position(p).Offset }

// wrap adds a change around a node. In before and after, # is the mutant's number.
func (f *finder) wrap(n ast.Node, kind Kind, before, after string) *change {
	f.next++
	number := fmt.Sprint(f.next)
	from, to := f.offset(n.Pos()), f.offset(n.End())
	text := strings.Join(strings.Fields(string(f.src[from:to])), " ")
	if len(text) > 100 {
		text = text[:100] + "…"
	}
	f.changes = append(f.changes, change{
		Mutant: Mutant{ID: f.next, File: f.name, Line: f.fset.Position(n.Pos()).Line, Func: f.fn, Kind: kind, Text: text},
		from:   from, to: to, before: strings.ReplaceAll(before, "#", number), after: strings.ReplaceAll(after, "#", number)})
	return &f.changes[len(f.changes)-1]
}

// block walks statements.
func (f *finder) block(n ast.Node) {
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			f.results = append(f.results, resultTypes(n.Type))
			f.block(n.Body)
			f.results = f.results[:len(f.results)-1]
			return false
		case *ast.IfStmt:
			f.condition(n.Cond)
		case *ast.SwitchStmt:
			if n.Tag == nil {
				for _, c := range n.Body.List {
					for _, e := range c.(*ast.CaseClause).List {
						f.condition(e)
					}
				}
			}
		case *ast.BlockStmt:
			f.statements(n.List)
		case *ast.CaseClause:
			f.statements(n.Body)
		case *ast.CommClause:
			f.statements(n.Body)
		case *ast.ReturnStmt:
			f.returned(n)
		case *ast.BinaryExpr:
			f.binary(n)
		case *ast.BasicLit:
			if n.Kind == token.INT {
				f.wrap(n, Off, "(", "+mutantOne(#))")
			}
		case *ast.GenDecl:
			return n.Tok == token.VAR // constants have no switch
		case *ast.ArrayType:
			return false // nor has the length of an array
		}
		return true
	})
}

func (f *finder) condition(e ast.Expr) {
	f.wrap(e, Never, "((", ") && !mutantOn(#))")
	f.wrap(e, Always, "((", ") || mutantOn(#))")
}

func (f *finder) statements(list []ast.Stmt) {
	for _, s := range list {
		switch s := s.(type) {
		case *ast.ExprStmt, *ast.IncDecStmt:
			f.wrap(s, Drop, "if !mutantOn(#) { ", " }")
		case *ast.AssignStmt:
			if s.Tok != token.DEFINE && !blank(s.Lhs) {
				f.wrap(s, Drop, "if !mutantOn(#) { ", " }")
			}
		}
	}
}

// blank reports whether everything is assigned to _.
func blank(left []ast.Expr) bool {
	return !slices.ContainsFunc(left, func(e ast.Expr) bool { id, ok := e.(*ast.Ident); return !ok || id.Name != "_" })
}

func (f *finder) returned(s *ast.ReturnStmt) {
	types := f.results[len(f.results)-1]
	if len(types) != len(s.Results) {
		return
	}
	for i, e := range s.Results {
		id, isName := e.(*ast.Ident)
		switch types[i] {
		case "error":
			if !isName || id.Name != "nil" {
				f.wrap(e, NoError, "mutantNil(#, ", ")")
			}
		case "bool":
			f.wrap(e, Flip, "((", ") != mutantOn(#))")
		}
	}
}

func (f *finder) binary(e *ast.BinaryExpr) {
	switch e.Op {
	case token.LAND:
		f.wrap(e.X, Without, "((", ") || mutantOn(#))")
		f.wrap(e.Y, Without, "((", ") || mutantOn(#))")
	case token.LOR:
		f.wrap(e.X, Without, "((", ") && !mutantOn(#))")
		f.wrap(e.Y, Without, "((", ") && !mutantOn(#))")
	case token.EQL, token.NEQ:
		f.wrap(e, Flip, "((", ") != mutantOn(#))")
	case token.LSS, token.LEQ, token.GTR, token.GEQ:
		c := f.wrap(e, Edge, map[token.Token]string{token.LSS: "mutantLess", token.LEQ: "mutantAtMost", token.GTR: "mutantMore", token.GEQ: "mutantAtLeast"}[e.Op]+"(#, ", ")")
		c.op, c.replacement = f.offset(e.OpPos), ","
		c.opEnd = c.op + len(e.Op.String())
	}
}

// apply writes changes into a source, all on the lines where they were.
func apply(src []byte, changes []change) []byte {
	type insert struct {
		text string
		skip int // bytes of the source that it replaces
	}
	opens, closes, ops := map[int]string{}, map[int]string{}, map[int]insert{}
	for _, c := range changes {
		opens[c.from] += c.before
		closes[c.to] = c.after + closes[c.to]
		if c.opEnd > 0 {
			ops[c.op] = insert{c.replacement, c.opEnd - c.op}
		}
	}
	var out []byte
	for i := 0; i <= len(src); i++ {
		out = append(append(out, closes[i]...), opens[i]...)
		if op, ok := ops[i]; ok {
			out = append(out, op.text...)
			i += op.skip - 1
			continue
		}
		if i < len(src) {
			out = append(out, src[i])
		}
	}
	return out
}
