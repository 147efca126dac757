package spdx

// The words of the JSON schema of SPDX 2.3. None of these lists is ever written to.
var (
	purposes = []string{"OTHER", "INSTALL", "ARCHIVE", "FIRMWARE", "APPLICATION", "FRAMEWORK", "LIBRARY", "CONTAINER", "SOURCE", "DEVICE", "OPERATING_SYSTEM", "FILE"}

	fileTypes = []string{"OTHER", "DOCUMENTATION", "IMAGE", "VIDEO", "ARCHIVE", "SPDX", "APPLICATION", "SOURCE", "BINARY", "TEXT", "AUDIO"}

	relationshipTypes = []string{
		"AMENDS", "ANCESTOR_OF", "BUILD_DEPENDENCY_OF", "BUILD_TOOL_OF", "CONTAINED_BY", "CONTAINS", "COPY_OF", "DATA_FILE_OF", "DEPENDENCY_MANIFEST_OF",
		"DEPENDENCY_OF", "DEPENDS_ON", "DESCENDANT_OF", "DESCRIBED_BY", "DESCRIBES", "DEV_DEPENDENCY_OF", "DEV_TOOL_OF", "DISTRIBUTION_ARTIFACT", "DOCUMENTATION_OF",
		"DYNAMIC_LINK", "EXAMPLE_OF", "EXPANDED_FROM_ARCHIVE", "FILE_ADDED", "FILE_DELETED", "FILE_MODIFIED", "GENERATED_FROM", "GENERATES", "HAS_PREREQUISITE",
		"METAFILE_OF", "OPTIONAL_COMPONENT_OF", "OPTIONAL_DEPENDENCY_OF", "OTHER", "PACKAGE_OF", "PATCH_APPLIED", "PATCH_FOR", "PREREQUISITE_FOR",
		"PROVIDED_DEPENDENCY_OF", "REQUIREMENT_DESCRIPTION_FOR", "RUNTIME_DEPENDENCY_OF", "SPECIFICATION_FOR", "STATIC_LINK", "TEST_CASE_OF", "TEST_DEPENDENCY_OF",
		"TEST_OF", "TEST_TOOL_OF", "VARIANT_OF",
	}
)

// refTypes are the reference types of a category (Annex F); nil of OTHER, whose
// types anybody may make.
func refTypes(category string) ([]string, bool) {
	switch category {
	case "SECURITY":
		return []string{"cpe22Type", "cpe23Type", "advisory", "fix", "url", "swid"}, true
	case "PACKAGE-MANAGER":
		return []string{"maven-central", "npm", "nuget", "bower", "purl"}, true
	case "PERSISTENT-ID":
		return []string{"swh", "gitoid"}, true
	case "OTHER":
		return nil, true
	}
	return nil, false
}

// hashLengths is how many characters a digest has, 0 if that differs.
func hashLengths(algorithm string) (n int, ok bool) {
	switch algorithm {
	case "ADLER32":
		return 8, true
	case "MD2", "MD4", "MD5":
		return 32, true
	case "SHA1":
		return 40, true
	case "SHA224":
		return 56, true
	case "SHA256", "SHA3-256", "BLAKE2b-256":
		return 64, true
	case "SHA384", "SHA3-384", "BLAKE2b-384":
		return 96, true
	case "SHA512", "SHA3-512", "BLAKE2b-512":
		return 128, true
	case "BLAKE3", "MD6":
		return 0, true
	}
	return 0, false
}
