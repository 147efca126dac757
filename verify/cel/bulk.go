package cel

import (
	"errors"
	"fmt"
	"regexp"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
)

// A bulk is what makes a turn of an expression's loops dear: how long it is, and
// whether it searches in texts or lists, which is one step to CEL.
type bulk struct {
	nodes int
	texts map[string]int // how many bytes cost a turn, by the member that is searched; "" is any
	lists bool
}

// accumulator is what CEL's macros collect in. No expression can name it.
const accumulator = "@result"

// measure finds what is dear in a checked expression, and refuses what could not
// be bounded: a regular expression that a predicate brings along, loops in loops in
// loops, and texts and lists that are joined to longer ones. It also refuses what
// would be an error whatever the predicate: a pattern, time or duration, written in
// the expression, that is none.
func measure(checked *ast.AST) (bulk, error) {
	b := bulk{texts: map[string]int{}}
	var err error
	refuse := func(format string, args ...any) {
		if err == nil {
			err = fmt.Errorf(format, args...)
		}
	}
	ast.PreOrderVisit(checked.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		b.nodes++
		if e.Kind() != ast.CallKind {
			return
		}
		call := e.AsCall()
		args := call.Args()
		if call.IsMemberFunction() {
			args = append([]ast.Expr{call.Target()}, args...)
		}
		kind := func(i int) types.Kind { return checked.GetType(args[i].ID()).Kind() }
		search := func(bytes int) {
			member := ""
			if args[0].Kind() == ast.SelectKind {
				member = args[0].AsSelect().FieldName()
			}
			if old, again := b.texts[member]; !again || bytes < old {
				b.texts[member] = bytes
			}
		}
		invalid := func(arg ast.Expr) {
			at := checked.SourceInfo().GetStartLocation(arg.ID())
			refuse("%d:%d: invalid %s argument", at.Line(), at.Column()+1, call.FunctionName())
		}
		converts := func(to *types.Type) {
			if arg := args[0]; arg.Kind() == ast.LiteralKind && types.IsError(arg.AsLiteral().ConvertToType(to)) {
				invalid(arg)
			}
		}
		switch call.FunctionName() {
		case overloads.Matches:
			search(8)
			if pattern := args[len(args)-1]; pattern.Kind() != ast.LiteralKind {
				refuse("matches: the pattern must be written in the expression")
			} else if text, ok := pattern.AsLiteral().Value().(string); !ok || len(text) > maxPattern {
				refuse("matches: want a pattern of at most %d bytes", maxPattern)
			} else if _, err := regexp.Compile(text); err != nil {
				invalid(pattern)
			}
		case operators.Add:
			switch checked.GetType(e.ID()).Kind() {
			case types.IntKind, types.DoubleKind, types.TimestampKind, types.DurationKind:
			case types.ListKind:
				if args[0].Kind() != ast.IdentKind || args[0].AsIdent() != accumulator {
					refuse("lists cannot be joined")
				}
			default:
				refuse("texts, and what may be texts, cannot be joined: to add numbers, write int() or double() around them")
			}
		case overloads.Contains, overloads.Size, overloads.TypeConvertInt, overloads.TypeConvertDouble, overloads.TypeConvertString:
			search(256)
		case overloads.TypeConvertTimestamp:
			search(256)
			converts(types.TimestampType)
		case overloads.TypeConvertDuration:
			search(256)
			converts(types.DurationType)
		case operators.In:
			b.lists = b.lists || args[1].Kind() != ast.ListKind && kind(1) != types.MapKind
		case operators.Equals, operators.NotEquals:
			for i := range args {
				switch kind(i) {
				case types.ListKind, types.MapKind, types.StructKind, types.DynKind:
					b.lists = true
				}
			}
		}
	}))
	loops := ast.MatchDescendants(ast.NavigateAST(checked), ast.KindMatcher(ast.ComprehensionKind))
	for _, loop := range loops {
		depth := 1
		for holder, in := loop.Parent(); in; holder, in = holder.Parent() {
			if holder.Kind() == ast.ComprehensionKind {
				depth++
			}
		}
		if depth > maxLoops {
			refuse("loops deeper in each other than the nesting limit of %d", maxLoops)
		}
	}
	return b, err
}

// errLong stands in place of a text that is longer than MaxText: whatever looks
// at it cannot be decided.
var errLong = errors.New("a text of more bytes than a condition looks at")

// turns is how many turns the loops may take over a predicate, and puts errors in
// place of its longest texts.
func (b bulk) turns(predicate any) uint {
	dear, list := 1, 0
	var walk func(member string, v any) any
	walk = func(member string, v any) any {
		switch v := v.(type) {
		case string:
			if len(v) > MaxText {
				return types.WrapErr(errLong)
			}
			for _, name := range []string{member, ""} {
				if bytes := b.texts[name]; bytes > 0 {
					dear = max(dear, 1+len(v)/bytes)
				}
			}
		case []any:
			list = max(list, len(v))
			for i := range v {
				v[i] = walk(member, v[i])
			}
		case map[string]any:
			list = max(list, len(v))
			for name := range v {
				v[name] = walk(name, v[name])
			}
		}
		return v
	}
	walk("", predicate)
	if b.lists {
		dear += list / 8
	}
	return uint(max(1, MaxSteps/dear/(1+b.nodes/32)))
}
