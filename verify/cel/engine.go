package cel

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"cel.dev/cel-go/checker"
	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/containers"
	"cel.dev/cel-go/common/decls"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/stdlib"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/interpreter"
	"cel.dev/cel-go/parser"
)

// This file puts CEL together from its parser, checker and interpreter. CEL's own
// front does the same for every need there is: it links the descriptors of protocol
// buffers and YAML, and every program that can evaluate a condition would
// spend a quarter of its start on them, whether it has a condition or not.

// macros are the loops, and has.
var macros = []string{operators.Has, operators.All, operators.Exists, operators.ExistsOne, operators.Map, operators.Filter}

// functions are what an expression may call: operators, and functions of text,
// numbers and times that ask nobody. Without dyn and type, which lead around the
// types, and the functions that look up a time zone.
var functions = []string{
	operators.Conditional, operators.LogicalAnd, operators.LogicalOr, operators.LogicalNot, operators.NotStrictlyFalse,
	operators.Equals, operators.NotEquals, operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals,
	operators.Add, operators.Subtract, operators.Multiply, operators.Divide, operators.Modulo, operators.Negate,
	operators.Index, operators.In,
	overloads.Size, overloads.Contains, overloads.StartsWith, overloads.EndsWith, overloads.Matches,
	overloads.TypeConvertInt, overloads.TypeConvertDouble, overloads.TypeConvertString, overloads.TypeConvertTimestamp, overloads.TypeConvertDuration,
}

// library is the part of CEL's standard library that an expression may call.
func library() []*decls.FunctionDecl {
	var list []*decls.FunctionDecl
	for _, f := range stdlib.Functions() {
		if slices.Contains(functions, f.Name()) {
			list = append(list, f)
		}
	}
	return list
}

// parse reads an expression. It is bounded in size, depth and nodes, loops
// written out.
func parse(source common.Source) (*ast.AST, error) {
	var allowed []parser.Macro
	for _, m := range parser.AllMacros {
		if slices.Contains(macros, m.Function()) {
			allowed = append(allowed, m)
		}
	}
	p, err := parser.NewParser(
		parser.Macros(allowed...),
		parser.EnableHiddenAccumulatorName(true),
		parser.ExpressionSizeCodePointLimit(MaxExpression),
		parser.MaxRecursionDepth(maxDepth),
		parser.MaxExpressionNodeCount(maxNodes),
		parser.ErrorRecoveryLimit(1),
	)
	if err != nil {
		return nil, err
	}
	parsed, errs := p.Parse(source)
	if err := failed(errs); err != nil {
		return nil, err
	}
	if count := ast.NodeCount(parsed); count > maxNodes {
		return nil, fmt.Errorf("an expression of %d nodes: want at most %d", count, maxNodes)
	}
	return parsed, nil
}

// check gives everything in a parsed expression its type.
func check(parsed *ast.AST, source common.Source, provided types.Provider, predicate *types.Type) (*ast.AST, error) {
	e, err := checker.NewEnv(containers.DefaultContainer, provided, checker.CrossTypeNumericComparisons(true))
	if err != nil {
		return nil, err
	}
	if err := e.AddIdents(decls.NewVariable("predicate", predicate)); err != nil {
		return nil, err
	}
	if err := e.AddFunctions(library()...); err != nil {
		return nil, err
	}
	checked, errs := checker.Check(parsed, source, e)
	return checked, failed(errs)
}

// failed is the error of a list of them.
func failed(errs *common.Errors) error {
	if len(errs.GetErrors()) == 0 {
		return nil
	}
	return errors.New(oneLine(errs.ToDisplayString()))
}

// plan prepares the evaluation of a checked expression. What it returns is safe
// for concurrent use.
func plan(checked *ast.AST, provided types.Provider) (interpreter.InterpretableV2, error) {
	dispatcher := interpreter.NewDispatcher()
	for _, f := range library() {
		bindings, err := f.Bindings()
		if err != nil {
			return nil, err
		}
		if err := dispatcher.Add(bindings...); err != nil {
			return nil, err
		}
	}
	values := types.DefaultTypeAdapter
	attributes := interpreter.NewAttributeFactory(containers.DefaultContainer, values, provided)
	return interpreter.NewInterpreter(dispatcher, containers.DefaultContainer, provided, values, attributes).NewInterpretable(checked,
		interpreter.InterruptableEval(),
		interpreter.Optimize(),
		interpreter.CompileRegexConstants(interpreter.MatchesRegexOptimization),
		interpreter.RegexProgramSizeLimit(maxProgram),
	)
}

// run evaluates over one predicate. The loops may take so many turns together.
// CEL's own tracking of costs is not used: it takes time that grows with the square
// of what it tracks.
func run(p interpreter.InterpretableV2, predicate any, turns uint) (holds bool, err error) {
	defer func() {
		if r := recover(); r != nil {
			holds, err = false, fmt.Errorf("it cannot be evaluated: %v", r)
		}
	}()
	frame, err := interpreter.NewExecutionFrame(map[string]any{"predicate": predicate})
	if err != nil {
		return false, err
	}
	defer frame.Close()
	// At the last turn the loops look whether they were interrupted, and they were,
	// from the beginning: so the limit is a number of turns, and no clock's matter.
	over, interrupt := context.WithCancel(context.Background())
	interrupt()
	if err := frame.SetContext(over, turns); err != nil {
		return false, err
	}
	out := p.Exec(frame)
	if err, is := out.(*types.Err); is {
		if errors.Is(err, interpreter.InterruptError{}) {
			return false, LimitError{}
		}
		return false, errors.New(oneLine(err.Error()))
	}
	holds, is := out.Value().(bool)
	if !is {
		return false, fmt.Errorf("it came to a %s: want a bool", out.Type())
	}
	return holds, nil
}
