package cel

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/types"
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

// A compiled is a planned expression, and what makes a turn of its loops dear.
type compiled struct {
	program interpreter.InterpretableV2
	bulk
}

// compile checks an expression over values of the shape s.
func compile(s *shape.Shape, expression string) (*compiled, error) {
	if len(expression) > MaxExpression {
		return nil, fmt.Errorf("an expression of %d bytes: want at most %d", len(expression), MaxExpression)
	}
	source := common.NewTextSource(expression)
	parsed, err := parse(source)
	if err != nil {
		return nil, err
	}
	provided := &provider{names: map[*shape.Shape]string{}, objects: map[string]*shape.Shape{}}
	checked, err := check(parsed, source, provided, provided.typeOf(s))
	if err != nil {
		return nil, err
	}
	if t := checked.GetType(checked.Expr().ID()); !t.IsExactType(types.BoolType) {
		return nil, fmt.Errorf("the expression is a %s: want a bool", t)
	}
	b, err := measure(checked)
	if err != nil {
		return nil, err
	}
	program, err := plan(checked, provided)
	if err != nil {
		return nil, errors.New(oneLine(err.Error()))
	}
	return &compiled{program, b}, nil
}

// evaluate runs the expression over one predicate.
func (c *compiled) evaluate(predicate any) (bool, error) {
	turns := c.turns(predicate)
	return run(c.program, predicate, turns)
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
