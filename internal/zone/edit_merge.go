package zone

import "slices"

// Draft returns an edit that begins where this one is. What is done to one isn't
// seen in the other.
func (e *Edit) Draft() *Edit {
	d := *e
	d.token = new(token)
	d.order = slices.Clone(e.order)
	d.touched = make(map[string]*pending, len(e.touched))
	for owner, p := range e.touched {
		d.touched[owner] = &pending{before: p.before, values: slices.Clone(p.values)}
	}
	return &d
}

// Merge puts text among owner's values at the place that its time gives it, and
// reports whether that changed anything: not if the text is there and no older, or
// if limit values are newer. Beyond limit values the oldest are dropped.
func (e *Edit) Merge(owner, text string, at int64, limit int) bool {
	values := slices.Clone(e.current(owner))
	if i := slices.IndexFunc(values, func(v Value) bool { return v.Text == text }); i >= 0 {
		if values[i].SetAt >= at {
			return false
		}
		values = slices.Delete(values, i, i+1)
	}
	place := len(values)
	for place > 0 && values[place-1].SetAt > at {
		place--
	}
	if len(values)-place >= limit {
		return false
	}
	values = slices.Insert(values, place, Value{Text: text, SetAt: at})
	for i := place; i < len(values); i++ { // the order is that of the sequence
		e.seq++
		values[i].Seq = e.seq
	}
	e.touch(owner).values = values[max(0, len(values)-limit):]
	return true
}
