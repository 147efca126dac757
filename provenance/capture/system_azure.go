package capture

// readAzure reads the predefined variables of Azure Pipelines (Azure DevOps,
// "Use predefined variables"). A build is addressed by its number, in the query.
func readAzure(r *reader, j *Job) {
	j.Repository = azureRepository(r, j)
	j.Commit = r.commit("commit", "BUILD_SOURCEVERSION")
	j.Ref = r.ref("ref", "BUILD_SOURCEBRANCH")
	j.Event = r.word("event", "BUILD_REASON")
	j.Actor = r.text("actor", "BUILD_REQUESTEDFOR")
	base, project := r.url("run", "SYSTEM_COLLECTIONURI"), r.text("run", "SYSTEM_TEAMPROJECT")
	if page, build := under(base, project, "_build", "results"), r.number("run", "BUILD_BUILDID"); page != "" && build != "" {
		j.URL = page + "?buildId=" + build
		j.LogURL, j.ID = j.URL, j.URL
		if job := r.word("run", "SYSTEM_JOBID"); job != "" {
			j.LogURL = j.URL + "&view=logs&j=" + job
			j.ID = j.LogURL
		}
	}
	switch r.env.value("BUILD_REPOSITORY_PROVIDER") {
	case "TfsGit":
		j.ChangeURL = under(j.Repository, "pullrequest", r.number("change", "SYSTEM_PULLREQUEST_PULLREQUESTID"))
	case "GitHub", "GitHubEnterprise":
		j.ChangeURL = under(j.Repository, "pull", r.number("change", "SYSTEM_PULLREQUEST_PULLREQUESTNUMBER"))
	case "Bitbucket":
		j.ChangeURL = under(j.Repository, "pull-requests", r.number("change", "SYSTEM_PULLREQUEST_PULLREQUESTID"))
	}
	j.Runner = Runner{OS: r.word("runner", "AGENT_OS"), Arch: r.word("runner", "AGENT_OSARCHITECTURE"),
		Image: versioned(r.word("runner", "ImageOS"), r.word("runner", "ImageVersion"))}
}

// azureRepository is the repository. Azure writes the organization as user info
// into the addresses of its own repositories.
func azureRepository(r *reader, j *Job) string {
	page := r.url("repository", "BUILD_REPOSITORY_URI")
	if page == "" {
		return ""
	}
	return repositoryAt("repository", page, j)
}
