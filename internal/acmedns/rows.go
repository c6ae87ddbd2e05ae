package acmedns

import (
	"context"
	"fmt"
	"iter"

	"github.com/acmezone/acmezone/internal/zone"
)

// Count returns the number of accounts.
func (s *Source) Count(ctx context.Context) (n int, err error) {
	if err = s.db.QueryRowContext(ctx, "SELECT count(*) FROM records").Scan(&n); err != nil {
		err = fmt.Errorf("%s: %w", s.Name, err)
	}
	return n, err
}

// Rows yields every account that can be one here, with its values, and notes in the
// summary what it came across. It is to be read once.
func (s *Source) Rows(ctx context.Context, sum *Summary) iter.Seq2[zone.ImportRow, error] {
	return func(yield func(zone.ImportRow, error) bool) {
		sum.Odd = append(sum.Odd, s.odd...)
		for g, err := range s.groups(ctx) {
			if err != nil {
				yield(zone.ImportRow{}, fmt.Errorf("%s: %w", s.Name, err))
				return
			}
			if row, ok := g.row(sum, s.layout.txt); ok && !yield(row, nil) {
				return
			}
		}
		if err := s.noteOrphans(ctx, sum); err != nil {
			yield(zone.ImportRow{}, fmt.Errorf("%s: %w", s.Name, err))
		}
	}
}

// groups gathers the rows of each account.
func (s *Source) groups(ctx context.Context) iter.Seq2[group, error] {
	return func(yield func(group, error) bool) {
		rows, err := s.db.QueryContext(ctx, s.layout.query())
		if err != nil {
			yield(group{}, err)
			return
		}
		defer rows.Close()
		var g group
		for rows.Next() {
			var next group
			var value, at any
			if err := rows.Scan(&next.username, &next.subdomain, &next.password, &next.allowFrom, &value, &at); err != nil {
				yield(g, err)
				return
			}
			if !g.same(next) {
				if g.rows > 0 && !yield(g, nil) {
					return
				}
				g = next
			}
			g.add(value, at)
		}
		if err := rows.Err(); err != nil {
			yield(g, err)
		} else if g.rows > 0 {
			yield(g, nil)
		}
	}
}

// noteOrphans names values that belong to no account.
func (s *Source) noteOrphans(ctx context.Context, sum *Summary) error {
	if !s.layout.txt {
		return nil
	}
	rows, err := s.db.QueryContext(ctx, `SELECT t.Subdomain, count(*) FROM txt t LEFT JOIN records r ON r.Subdomain = t.Subdomain
		WHERE r.Subdomain IS NULL GROUP BY t.Subdomain ORDER BY t.Subdomain`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var subdomain any
		var n int
		if err := rows.Scan(&subdomain, &n); err != nil {
			return err
		}
		sum.orphan(text(subdomain), n)
	}
	return rows.Err()
}
