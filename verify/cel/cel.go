package cel

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/env"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/interpreter"

	"github.com/touchmark-go/touchmark/internal/shape"
	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/verify"
)

// Limits of an expression and of what it may cost.
const (
	// MaxExpression is how many bytes an expression may have.
	MaxExpression = 4096
	// MaxSteps is how many turns all loops of one evaluation may take together,
	// for a short expression that only compares what is short. Long expressions
	// have fewer, and so have those that search in long texts and long lists.
	MaxSteps = 400_000
	// MaxText is how many bytes a text of a predicate may have that an expression
	// looks at. A longer one is an error there, and of no concern elsewhere.
	MaxText = 64 << 10
	// maxNodes, maxDepth and maxLoops bound the parsed expression.
	maxNodes = 2000
	maxDepth = 40
	maxLoops = 3
	// maxPattern and maxProgram bound a regular expression, and what it compiles to.
	maxPattern = 1024
	maxProgram = 2000
)

// Conditions compiles the condition of a rule, for [verify.Options]. The
// Condition that it returns is safe for concurrent use.
func Conditions(rule verify.AttestationRule) (verify.Condition, error) {
	s, err := shapeOf(rule)
	if err != nil {
		return nil, err
	}
	c, err := compile(s, rule.Where)
	if err != nil {
		return nil, err
	}
	return func(predicate json.RawMessage) (bool, error) {
		var value any
		if err := strictjson.Unmarshal(predicate, &value); err != nil {
			return false, err
		}
		if value, err := s.Convert(value); err != nil {
			return false, fmt.Errorf("the predicate is not of its type: %w", err)
		} else {
			return c.evaluate(value)
		}
	}, nil
}

// shapeOf is what the rule's predicates look like.
func shapeOf(rule verify.AttestationRule) (*shape.Shape, error) {
	if s := known(rule.Type); s != nil {
		if rule.Fields != nil {
			return nil, fmt.Errorf("what a predicate of type %q may hold is known: leave fields out", rule.Type)
		}
		return s, nil
	}
	if rule.Fields == nil {
		return nil, fmt.Errorf("what a predicate of type %q may hold is not known here: say it in fields, or write \"any\" there", rule.Type)
	}
	return shape.Parse(rule.Fields)
}

// A compiled is a checked expression, and what makes a turn of its loops dear.
type compiled struct {
	env *cel.Env
	ast *cel.Ast
	bulk
}

// compile checks an expression over values of the shape s.
func compile(s *shape.Shape, expression string) (*compiled, error) {
	if len(expression) > MaxExpression {
		return nil, fmt.Errorf("an expression of %d bytes: want at most %d", len(expression), MaxExpression)
	}
	types := &provider{names: map[*shape.Shape]string{}, objects: map[string]*shape.Shape{}}
	e, err := cel.NewCustomEnv(
		cel.StdLib(cel.StdLibSubset(subset())),
		cel.CustomTypeProvider(types),
		cel.Variable("predicate", types.typeOf(s)),
		cel.CrossTypeNumericComparisons(true),
		cel.DefaultUTCTimeZone(true),
		cel.EnableHiddenAccumulatorName(true),
		cel.ParserExpressionSizeLimit(MaxExpression),
		cel.ParserRecursionLimit(maxDepth),
		cel.ParserErrorRecoveryLimit(1),
		cel.ExpressionNodeLimit(maxNodes),
		cel.RegexProgramSizeLimit(maxProgram),
		cel.ASTValidators(cel.ValidateRegexLiterals(), cel.ValidateTimestampLiterals(), cel.ValidateDurationLiterals(), cel.ValidateComprehensionNestingLimit(maxLoops)),
	)
	if err != nil {
		return nil, err
	}
	checked, issues := e.Compile(expression)
	if err := issues.Err(); err != nil {
		return nil, errors.New(oneLine(err.Error()))
	}
	if !checked.OutputType().IsExactType(cel.BoolType) {
		return nil, fmt.Errorf("the expression is a %s: want a bool", checked.OutputType())
	}
	c := &compiled{env: e, ast: checked}
	if c.bulk, err = measure(checked.NativeRep()); err != nil {
		return nil, err
	}
	_, err = c.program(1)
	return c, err
}

// program plans an evaluation whose loops take so many turns at most. CEL's own
// tracking of costs is not used: it takes time that grows with the square of what
// it tracks.
func (c *compiled) program(turns uint) (cel.Program, error) {
	return c.env.Program(c.ast, cel.InterruptCheckFrequency(turns), cel.OptimizeRegex(interpreter.MatchesRegexOptimization), cel.EvalOptions(cel.OptOptimize))
}

// subset is what an expression may call: operators, loops, and functions of
// text, numbers and times that ask nobody. Without dyn and type, which lead
// around the types, and the functions that look up a time zone.
func subset() *env.LibrarySubset {
	s := env.NewLibrarySubset().AddIncludedMacros(operators.Has, operators.All, operators.Exists, operators.ExistsOne, operators.Map, operators.Filter)
	for _, name := range []string{
		operators.Conditional, operators.LogicalAnd, operators.LogicalOr, operators.LogicalNot, operators.NotStrictlyFalse,
		operators.Equals, operators.NotEquals, operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals,
		operators.Add, operators.Subtract, operators.Multiply, operators.Divide, operators.Modulo, operators.Negate,
		operators.Index, operators.In,
		overloads.Size, overloads.Contains, overloads.StartsWith, overloads.EndsWith, overloads.Matches,
		overloads.TypeConvertInt, overloads.TypeConvertDouble, overloads.TypeConvertString, overloads.TypeConvertTimestamp, overloads.TypeConvertDuration,
	} {
		s.AddIncludedFunctions(env.NewFunction(name))
	}
	return s
}

// evaluate runs the expression over one predicate.
func (c *compiled) evaluate(predicate any) (bool, error) {
	turns := c.turns(predicate)
	p, err := c.program(turns)
	if err != nil {
		return false, err
	}
	// At the last turn the loops look whether they were interrupted, and they were,
	// from the beginning: so the limit is a number of turns, and no clock's matter.
	over, interrupt := context.WithCancel(context.Background())
	interrupt()
	out, _, err := p.ContextEval(over, map[string]any{"predicate": predicate})
	if errors.Is(err, interpreter.InterruptError{}) {
		return false, LimitError{}
	}
	if err != nil {
		return false, errors.New(oneLine(err.Error()))
	}
	holds, ok := out.Value().(bool)
	if !ok {
		return false, fmt.Errorf("it came to a %s: want a bool", out.Type())
	}
	return holds, nil
}

// A LimitError says that the loops of an evaluation took more turns than they may:
// see [MaxSteps].
type LimitError struct{}

// Error names the limit.
func (LimitError) Error() string {
	return "its loops take more turns than they may: ask less, or of a smaller predicate"
}

// Code is the code of the finding that it leads to.
func (LimitError) Code() verify.Code { return verify.CodeLimit }

// oneLine is a message of CEL's without its picture of the place.
func oneLine(s string) string {
	var lines []string
	for _, line := range strings.Split(s, "\n") {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "|") {
			lines = append(lines, strings.TrimPrefix(line, "ERROR: <input>:"))
		}
	}
	return strings.Join(lines, "; ")
}
