package thread

import (
	"context"

	"straza/internal/kernel/store"
)

// EraseTx takes out of threads what was written, by whom outside, to which address, with
// the files and the letters that told of it; who on our side wrote when stays. Tokens
// open nothing any more. The calling room has authorised it.
func (k *Desk) EraseTx(ctx context.Context, tx *store.Tx, threads []int64) error {
	if len(threads) == 0 {
		return nil
	}
	in := store.In(threads)
	blobs, err := store.All(ctx, tx, store.ScanString, blobsIn+in+`)`)
	if err != nil {
		return err
	}
	for _, name := range blobs {
		if err := k.d.Blobs.ForgetTx(ctx, tx, name); err != nil {
			return err
		}
	}
	letters, err := store.All(ctx, tx, store.ScanInt64, lettersIn+in)
	if err != nil {
		return err
	}
	if err := k.d.Mail.DropTx(ctx, tx, letters); err != nil {
		return err
	}
	now, err := store.Now(ctx, tx)
	if err != nil {
		return err
	}
	for _, text := range eraseIn {
		if _, err := tx.Exec(ctx, text+in+`)`); err != nil {
			return err
		}
	}
	_, err = tx.Exec(ctx, eraseThreads+in, now)
	return err
}
