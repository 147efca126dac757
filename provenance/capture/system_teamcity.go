package capture

// readTeamCity reads the variables of TeamCity (TeamCity, "List of Predefined
// Build Parameters"). The branch and who started a build are parameters that
// TeamCity does not pass on as variables.
func readTeamCity(r *reader, j *Job) {
	j.URL = r.url("run", "BUILD_URL", "buildId", "buildTypeId")
	j.LogURL, j.ID = j.URL, j.URL
	j.Commit = r.commit("commit", "BUILD_VCS_NUMBER")
	if r.env.value("BUILD_IS_PERSONAL") == "true" {
		j.Event = "personal"
	}
}
