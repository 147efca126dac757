package cel

import (
	"fmt"
	"maps"
	"slices"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/touchmark-go/touchmark/internal/shape"
)

// A provider tells CEL's checker about shapes, and about nothing else: it knows
// no Go type and makes no value. Behind an object there is a map.
type provider struct {
	names   map[*shape.Shape]string
	objects map[string]*shape.Shape
}

// typeOf is the type of a shape. Objects get names as they come.
func (p *provider) typeOf(s *shape.Shape) *types.Type {
	switch s.Kind {
	case shape.String:
		return types.StringType
	case shape.Int:
		return types.IntType
	case shape.Number:
		return types.DoubleType
	case shape.Bool:
		return types.BoolType
	case shape.Time:
		return types.TimestampType
	case shape.List:
		return types.NewListType(p.typeOf(s.Elem))
	case shape.Map:
		return types.NewMapType(types.StringType, p.typeOf(s.Elem))
	case shape.Object:
		name, known := p.names[s]
		if !known {
			name = "predicate"
			if n := len(p.names); n > 0 {
				name = fmt.Sprintf("predicate.object%d", n)
			}
			p.names[s], p.objects[name] = name, s
			for _, field := range slices.Sorted(maps.Keys(s.Fields)) {
				p.typeOf(s.Fields[field]) // all of them now: later it is only read
			}
		}
		return types.NewObjectType(name)
	}
	return types.DynType
}

// EnumValue implements types.Provider: there are none.
func (p *provider) EnumValue(name string) ref.Val { return types.NewErr("unknown enum %q", name) }

// FindIdent implements types.Provider: there are none.
func (p *provider) FindIdent(string) (ref.Val, bool) { return nil, false }

// FindStructType implements types.Provider.
func (p *provider) FindStructType(name string) (*types.Type, bool) {
	if p.objects[name] == nil {
		return nil, false
	}
	return types.NewTypeTypeWithParam(types.NewObjectType(name)), true
}

// FindStructFieldNames implements types.Provider.
func (p *provider) FindStructFieldNames(name string) ([]string, bool) {
	s := p.objects[name]
	if s == nil {
		return nil, false
	}
	return slices.Sorted(maps.Keys(s.Fields)), true
}

// FindStructFieldType implements types.Provider. Without a getter of its own a
// field is looked up in the map.
func (p *provider) FindStructFieldType(name, field string) (*types.FieldType, bool) {
	s := p.objects[name]
	if s == nil || s.Fields[field] == nil {
		return nil, false
	}
	return &types.FieldType{Type: p.typeOf(s.Fields[field])}, true
}

// NewValue implements types.Provider: an expression makes no objects.
func (p *provider) NewValue(name string, _ map[string]ref.Val) ref.Val {
	return types.NewErr("no value of %q can be made", name)
}
