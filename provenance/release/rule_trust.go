package release

func (h *History) genesis(r Record) *Void {
	g, err := ParseGenesis(r.Statement)
	switch {
	case err != nil:
		return void(voidPredicate, "%v", err)
	case r.Index != 0:
		return void(voidImmutable, "a log begins once")
	case r.Roles == nil:
		return void(voidSignature, "the root of its own trust file did not sign it")
	}
	h.Origin, h.row.Roles = g.Origin, r.Roles
	return nil
}

func (h *History) trust(r Record) *Void {
	t, err := ParseTrust(r.Statement)
	switch {
	case err != nil:
		return void(voidPredicate, "%v", err)
	case t.Version != h.row.Roles.Version+1:
		return void(voidRollback, "version %d of the trust file after %d", t.Version, h.row.Roles.Version)
	case r.Roles == nil:
		return void(voidSignature, "the roots of version %d and of its own did not sign it", h.row.Roles.Version)
	case r.Roles.Version != t.Version:
		return void(voidPredicate, "it holds version %d of the trust file, and says %d", r.Roles.Version, t.Version)
	}
	h.row.Roles = r.Roles
	return nil
}
