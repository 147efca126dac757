package release

import (
	"strings"
	"time"
)

func (h *History) deployment(s step, p *Deployment) *Void {
	stage, known := s.rules.Stage(p.Environment)
	if !known {
		return void(voidSignature, "%s has no stage %q", p.Product, p.Environment)
	}
	if v := s.may("deploy "+p.Product+" to "+p.Environment, stage.Deployers); v != nil {
		return v
	}
	r := s.product.byID(p.Release)
	if r == nil {
		return void(voidRelease, "%s is no release of %s", p.Release, p.Product)
	}
	s.effect.Release = r.Number
	if !r.include(p.Subjects) {
		return void(voidSubject, "its subjects are not artifacts of %s", s.product.title(r.Number))
	}
	at := s.product.makeStage(p.Environment)
	d := Deployed{Index: s.Index, Time: s.Time, Release: r.Number, Config: p.Config, Result: p.Result, By: s.by, Run: p.Run,
		Drift: p.Result == Running && (at.Release != r.Number || p.Config != r.Config)}
	drift := d.Drift
	if before := s.product.deployed(p.Environment, p.Cluster); before != nil && before.Drift {
		if p.Result != Running && p.Result != Removed {
			d.Drift = true // what was there is there still
		}
		if d.DriftSince = before.DriftSince; !d.Drift {
			at.Counts.ended(d.DriftSince, s.Time)
			d.DriftSince = time.Time{}
		}
	} else if d.Drift {
		d.DriftSince = s.Time
	}
	s.product.deploy(p.Environment, p.Cluster, d)
	at.Counts.add(p, drift)
	if at.Answer && r.Number == at.Release && p.Result != Removed {
		at.Answer = false
		if p.Result == Running && !drift {
			at.Counts.RollbacksRan++
		} else {
			at.Counts.RollbacksFailed++
		}
	}
	return nil
}

// ended counts a drift of a cluster that is over.
func (c *Counts) ended(since, now time.Time) {
	c.DriftsEnded++
	if !now.IsZero() && !since.IsZero() {
		c.DriftSeconds += int64(now.Sub(since) / time.Second)
	}
}

// add counts one deployment.
func (c *Counts) add(p *Deployment, drift bool) {
	if p.Result == Removed {
		return
	}
	c.Deployments++
	if p.Reference == "" || strings.Contains(p.Reference, "@sha256:") || strings.Contains(p.Reference, "@sha512:") {
		c.ByDigest++
	}
	if drift {
		c.Drifted++
	}
	switch p.Result {
	case PullFailed:
		c.PullFailed++
	case Missing:
		c.Missing++
	case VerifyFailed:
		c.VerifyFailed++
	case Failed:
		c.Failed++
	}
}
