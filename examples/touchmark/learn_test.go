package main

import "testing"

func TestPolicyName(t *testing.T) {
	for path, want := range map[string]string{
		"dist/app": "app", "./my app.exe": "my-app.exe", "any": "learned", "..": "learned", "é": "learned", "-x": "x",
	} {
		if got := policyName(path); got != want {
			t.Errorf("policyName(%q) = %q, want %q", path, got, want)
		}
	}
}
