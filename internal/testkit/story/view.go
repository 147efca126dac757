package story

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
)

// A view answers about releases from a JSON document. It knows one artifact of
// one product.
type view struct {
	Product      string
	Artifact     string // digest
	Error        string // instead of every answer
	Silent       bool   // neither an answer nor an error
	Origin       string
	Size         uint64
	Time         time.Time
	Witnesses    int
	Release      string // "" if the ledger has no record of the artifact
	Author       string
	Promotions   []release.Entry
	Revoked      *release.Revoked
	Suspect      string
	LastGoodName string
}

func parseView(data []byte) (*view, error) {
	v := new(view)
	return v, json.Unmarshal(data, v)
}

func (v *view) Head() release.Head {
	return release.Head{Origin: v.Origin, Size: v.Size, Time: v.Time, Witnesses: v.Witnesses}
}

func (v *view) Tag(context.Context, string, string) (provenance.Digest, error) {
	return provenance.Digest{}, release.ErrUnknown
}

func (v *view) Status(_ context.Context, product string, artifact provenance.Digest) (*release.Status, error) {
	switch {
	case v.Silent:
		return nil, nil
	case v.Error != "": // with a status all the same, which nobody may believe
		return &release.Status{Release: release.Ref{Name: v.Release, Digest: artifact}, Promotions: v.Promotions}, errors.New(v.Error)
	case v.Release == "" || product != v.Product || artifact.String() != v.Artifact:
		return nil, release.ErrUnknown
	}
	return &release.Status{Release: release.Ref{Name: v.Release, Digest: artifact}, Authors: []string{v.Author}, Promotions: v.Promotions, Revoked: v.Revoked, Suspect: v.Suspect}, nil
}

func (v *view) LastGood(_ context.Context, product, environment string) (*release.Ref, error) {
	if v.LastGoodName == "" {
		return nil, release.ErrUnknown
	}
	d, err := provenance.ParseDigest(v.Artifact)
	return &release.Ref{Name: v.LastGoodName, Digest: d}, err
}
