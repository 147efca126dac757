package provenance

import (
	"errors"
	"fmt"
	"time"
)

// buildV01 is a SLSA Provenance v0.1 predicate, but for what [ParseBuild] drops.
type buildV01 struct {
	Builder builderV02 `json:"builder"`
	Recipe  struct {
		Type              string         `json:"type"`
		DefinedInMaterial *int           `json:"definedInMaterial"`
		EntryPoint        string         `json:"entryPoint"`
		Arguments         map[string]any `json:"arguments"`
		Environment       map[string]any `json:"environment"`
	} `json:"recipe"`
	Metadata struct {
		BuildInvocationID string    `json:"buildInvocationId"`
		BuildStartedOn    time.Time `json:"buildStartedOn"`
		BuildFinishedOn   time.Time `json:"buildFinishedOn"`
	} `json:"metadata"`
	Materials []materialV02 `json:"materials"`
}

// parseBuildV01 says in the words of v0.2 what v0.1 said: its recipe is the
// invocation, and the material that the recipe is defined in is the config source.
func parseBuildV01(s *Statement) (*Build, error) {
	var old buildV01
	if err := s.Decode(SLSAProvenanceV01, &old); err != nil {
		return nil, err
	}
	if old.Recipe.Type == "" {
		return nil, errors.New("/recipe/type is missing")
	}
	for _, name := range []string{"source", "entryPoint"} {
		if _, taken := old.Recipe.Arguments[name]; taken {
			return nil, fmt.Errorf("/recipe/arguments/%s has the name of what says where the recipe is, and could pass for it", name)
		}
	}
	var next buildV02
	next.Builder = old.Builder
	next.BuildType = old.Recipe.Type
	next.Invocation.Parameters, next.Invocation.Environment = old.Recipe.Arguments, old.Recipe.Environment
	next.Invocation.ConfigSource.EntryPoint = old.Recipe.EntryPoint
	next.Materials = old.Materials
	next.Metadata.BuildInvocationID = old.Metadata.BuildInvocationID
	next.Metadata.BuildStartedOn, next.Metadata.BuildFinishedOn = old.Metadata.BuildStartedOn, old.Metadata.BuildFinishedOn
	if i := old.Recipe.DefinedInMaterial; i != nil {
		if *i < 0 || *i >= len(old.Materials) {
			return nil, fmt.Errorf("/recipe/definedInMaterial is %d, and there are %d materials", *i, len(old.Materials))
		}
		next.Invocation.ConfigSource.URI, next.Invocation.ConfigSource.Digest = old.Materials[*i].URI, old.Materials[*i].Digest
	}
	return next.build()
}
