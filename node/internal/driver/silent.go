package driver

import (
	"encoding/hex"
	"slices"
)

// tellSilent logs who leaves this node without answers, though all others may reach it, and who answers again.
func (d *Driver) tellSilent() {
	silent := d.machine.Silent()
	if slices.Equal(silent, d.silent) {
		return
	}
	for _, u := range silent {
		if !slices.Contains(d.silent, u) {
			d.cfg.Logger.Warn("member does not answer, others keep copies in its place", "uid", hex.EncodeToString(u[:]))
		}
	}
	for _, u := range d.silent {
		if !slices.Contains(silent, u) {
			d.cfg.Logger.Info("member answers again, or is gone", "uid", hex.EncodeToString(u[:]))
		}
	}
	d.silent = silent
}
