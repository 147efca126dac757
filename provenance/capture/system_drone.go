package capture

import "cmp"

// readDrone reads the variables of Drone (Drone, "Environment Reference").
func readDrone(r *reader, j *Job) {
	j.Repository = cmp.Or(r.repository("repository", "DRONE_GIT_HTTP_URL"), r.repository("repository", "DRONE_REPO_LINK"))
	j.Commit = r.commit("commit", "DRONE_COMMIT_SHA")
	j.Ref = r.ref("ref", "DRONE_COMMIT_REF")
	j.Event = r.word("event", "DRONE_BUILD_EVENT")
	j.Actor = r.text("actor", "DRONE_BUILD_TRIGGER")
	j.URL = r.url("run", "DRONE_BUILD_LINK")
	j.LogURL, j.ID = j.URL, j.URL
	if stage, step := r.number("run", "DRONE_STAGE_NUMBER"), r.number("run", "DRONE_STEP_NUMBER"); stage != "" && step != "" {
		j.LogURL = under(j.URL, stage, step)
		j.ID = j.LogURL
	}
	if r.env.value("DRONE_PULL_REQUEST") != "" {
		j.ChangeURL = r.url("change", "DRONE_COMMIT_LINK")
	}
	j.Runner = Runner{OS: r.word("runner", "DRONE_STAGE_OS"), Arch: r.word("runner", "DRONE_STAGE_ARCH")}
}
