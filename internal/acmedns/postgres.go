package acmedns

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// connectTime bounds how long a server may take to answer, unless the URL says.
const connectTime = 10 * time.Second

// openPostgres connects in sessions that can't write.
func (s *Source) openPostgres(ctx context.Context, address string) error {
	config, err := pgx.ParseConfig(address)
	if err != nil {
		return errors.New("it can't be read; write it as postgres://USER:PASSWORD@HOST/DATABASE")
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTime
	}
	config.RuntimeParams["default_transaction_read_only"] = "on"
	s.db = stdlib.OpenDB(*config)
	s.db.SetMaxOpenConns(1)
	if err := s.db.PingContext(ctx); err != nil {
		return fmt.Errorf("%w; psql with the same URL must get in", err)
	}
	return s.findLayout(ctx)
}
