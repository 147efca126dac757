package provenance

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// buildV02 is a SLSA Provenance v0.2 predicate, but for what [ParseBuild] drops.
type buildV02 struct {
	Builder    builderV02 `json:"builder"`
	BuildType  string     `json:"buildType"`
	Invocation struct {
		ConfigSource struct {
			URI        string    `json:"uri"`
			Digest     DigestSet `json:"digest"`
			EntryPoint string    `json:"entryPoint"`
		} `json:"configSource"`
		Parameters  map[string]any `json:"parameters"`
		Environment map[string]any `json:"environment"`
	} `json:"invocation"`
	Metadata struct {
		BuildInvocationID string    `json:"buildInvocationId"`
		InvocationIDInUse string    `json:"buildInvocationID"` // by the generators
		BuildStartedOn    time.Time `json:"buildStartedOn"`
		BuildFinishedOn   time.Time `json:"buildFinishedOn"`
	} `json:"metadata"`
	Materials []materialV02 `json:"materials"`
}

// builderV02 and materialV02 are in v0.1, too.
type (
	builderV02 struct {
		ID string `json:"id"`
	}
	materialV02 struct {
		URI    string    `json:"uri"`
		Digest DigestSet `json:"digest"`
	}
)

func parseBuildV02(s *Statement) (*Build, error) {
	var old buildV02
	if err := s.Decode(SLSAProvenanceV02, &old); err != nil {
		return nil, err
	}
	return old.build()
}

// build is what [ParseBuild] makes of it.
func (old *buildV02) build() (*Build, error) {
	if old.Builder.ID == "" {
		return nil, errors.New("/builder/id is missing")
	}
	if old.BuildType == "" {
		return nil, errors.New("/buildType is missing")
	}
	invocation := &old.Metadata.BuildInvocationID
	if other := old.Metadata.InvocationIDInUse; *invocation == "" {
		*invocation = other
	} else if other != "" && other != *invocation {
		return nil, errors.New("/metadata has buildInvocationId and buildInvocationID, and they differ")
	}
	external, err := old.externalParameters()
	if err != nil {
		return nil, err
	}
	dependencies, err := old.dependencies()
	if err != nil {
		return nil, err
	}
	return &Build{
		BuildDefinition: BuildDefinition{
			BuildType:            old.BuildType,
			ExternalParameters:   external,
			InternalParameters:   set(old.Invocation.Environment),
			ResolvedDependencies: dependencies,
		},
		RunDetails: RunDetails{
			Builder: Builder{ID: old.Builder.ID},
			Metadata: BuildMetadata{
				InvocationID: old.Metadata.BuildInvocationID,
				StartedOn:    old.Metadata.BuildStartedOn,
				FinishedOn:   old.Metadata.BuildFinishedOn,
			},
		},
	}, nil
}

func (old *buildV02) externalParameters() (map[string]any, error) {
	parameters := set(old.Invocation.Parameters)
	config := old.Invocation.ConfigSource
	for _, f := range []struct{ name, value string }{{"source", config.URI}, {"entryPoint", config.EntryPoint}} {
		if _, taken := parameters[f.name]; taken {
			return nil, fmt.Errorf("/invocation/parameters/%s has the name of a member of configSource, and could pass for it", f.name)
		}
		if f.value == "" {
			continue
		}
		if parameters == nil {
			parameters = map[string]any{}
		}
		parameters[f.name] = f.value
	}
	return parameters, nil
}

func (old *buildV02) dependencies() ([]ResourceDescriptor, error) {
	var list []ResourceDescriptor
	for i, m := range old.Materials {
		d := ResourceDescriptor{URI: m.URI, Digest: m.Digest}
		if err := d.validate(fmt.Sprintf("/materials/%d", i), checked); err != nil {
			return nil, err
		}
		list = append(list, d)
	}
	config := old.Invocation.ConfigSource
	if config.URI == "" && len(config.Digest) == 0 {
		return list, nil
	}
	d := ResourceDescriptor{URI: config.URI, Digest: config.Digest}
	if err := d.validate("/invocation/configSource", checked); err != nil {
		return nil, err
	}
	if slices.ContainsFunc(list, func(m ResourceDescriptor) bool { return m.URI == d.URI && maps.Equal(m.Digest, d.Digest) }) {
		return list, nil
	}
	return append(list, d), nil
}
