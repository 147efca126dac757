package capture

// readTekton reads variables that a Task has to set itself, because Tekton sets
// none: docs/builders/README.md has the lines, each from a context variable
// (Tekton, "Variable Substitutions Supported by Tasks and Pipelines") or a
// parameter.
func readTekton(r *reader, j *Job) {
	namespace := r.word("run", "TEKTON_NAMESPACE")
	task, uid := r.word("run", "TEKTON_TASKRUN"), r.word("run", "TEKTON_TASKRUN_UID")
	if uid != "" {
		j.ID = "taskrun/" + uid
		if namespace != "" && task != "" {
			j.ID = namespace + "/taskrun/" + task + "/" + uid
		}
	}
	j.Repository = r.repository("repository", "TEKTON_REPOSITORY")
	j.Commit = r.commit("commit", "TEKTON_COMMIT")
	j.Ref = r.ref("ref", "TEKTON_REF")
	j.Event = r.word("event", "TEKTON_EVENT")
	j.URL = r.url("run", "TEKTON_RUN_URL", "#")
	j.LogURL = j.URL
	j.ChangeURL = r.url("change", "TEKTON_CHANGE_URL")
	j.Runner = Runner{Image: r.image("runner", "TEKTON_IMAGE")}
}
