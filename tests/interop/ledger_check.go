// Checks an export of the ledger with Go's own packages for transparency logs, which share no code with ours:
//
//	ledger_check EXPORT VERIFIER-KEY [PROOF-FILE...]
//
// The checkpoint's signature, every entry's inclusion, ten consistency pairs and each proof file. Prints what it checked; any fault ends it.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const tileHeight = 8
const pairs = 10

// A folder of C2SP tlog-tiles; Go's own layout differs from it only by a path element for the tile's height.
type export string

func (dir export) Height() int { return tileHeight }

func (dir export) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		content, err := os.ReadFile(dir.path(tile.Path()))
		if err != nil {
			return nil, err
		}
		all = append(all, content)
	}
	return all, nil
}

func (dir export) SaveTiles([]tlog.Tile, [][]byte) {}

func (dir export) path(goPath string) string {
	path := strings.Replace(goPath, "tile/8/data/", "tile/entries/", 1)
	return filepath.Join(string(dir), strings.Replace(path, "tile/8/", "tile/", 1))
}

func (dir export) entries(size int64) [][]byte {
	var all [][]byte
	for first := int64(0); first < size; first += 1 << tileHeight {
		tile := tlog.Tile{H: tileHeight, L: -1, N: first >> tileHeight, W: 1 << tileHeight}
		if size-first < int64(tile.W) {
			tile.W = int(size - first)
		}
		rest, err := os.ReadFile(dir.path(tile.Path()))
		check(err, "entries")
		for n := 0; n < tile.W; n++ {
			length := binary.BigEndian.Uint16(rest)
			all = append(all, rest[2:2+length])
			rest = rest[2+length:]
		}
		if len(rest) != 0 {
			log.Fatalf("bundle %d has %d bytes too many", tile.N, len(rest))
		}
	}
	return all
}

func main() {
	log.SetFlags(0)
	dir := export(os.Args[1])
	verifier, err := note.NewVerifier(os.Args[2])
	check(err, "the verifier key")
	signed, err := os.ReadFile(filepath.Join(string(dir), "checkpoint"))
	check(err, "the checkpoint")
	size, root := open(signed, verifier)

	entries := dir.entries(size)
	hashes := tlog.TileHashReader(tlog.Tree{N: size, Hash: root}, dir)
	for index, leaf := range entries {
		proof, err := tlog.ProveRecord(size, int64(index), hashes)
		check(err, "proving an entry")
		check(tlog.CheckRecord(proof, size, root, int64(index), tlog.RecordHash(leaf)), fmt.Sprint("entry ", index))
	}
	consistent := 0
	for pair := int64(1); size > 0 && pair <= pairs; pair++ {
		old := 1 + (size-1)*pair/pairs
		oldRoot, err := tlog.TreeHash(old, hashes)
		check(err, "an older tree")
		proof, err := tlog.ProveTree(size, old, hashes)
		check(err, "proving an older tree")
		check(tlog.CheckTree(proof, size, root, old, oldRoot), fmt.Sprint("the tree of ", old))
		consistent++
	}
	proofs := 0
	for _, file := range os.Args[3:] {
		checkProof(file, verifier, entries)
		proofs++
	}
	fmt.Printf("size=%d signature=1 included=%d consistent=%d proofs=%d\n", size, len(entries), consistent, proofs)
}

func open(signed []byte, verifier note.Verifier) (int64, tlog.Hash) {
	opened, err := note.Open(signed, note.VerifierList(verifier))
	check(err, "the checkpoint's signature")
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() {
		log.Fatalf("not a checkpoint of %s: %q", verifier.Name(), opened.Text)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	check(err, "the size")
	root, err := tlog.ParseHash(lines[2])
	check(err, "the root hash")
	return size, root
}

// C2SP tlog-proof, the leaf as its extra data.
func checkProof(file string, verifier note.Verifier, entries [][]byte) {
	content, err := os.ReadFile(file)
	check(err, "a proof")
	head, signed, found := strings.Cut(string(content), "\n\n")
	lines := strings.Split(head, "\n")
	if !found || len(lines) < 3 || lines[0] != "c2sp.org/tlog-proof@v1" {
		log.Fatalf("%s is not a proof", file)
	}
	leaf, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(lines[1], "extra "))
	check(err, "the leaf")
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[2], "index "), 10, 64)
	check(err, "the index")
	var proof tlog.RecordProof
	for _, line := range lines[3:] {
		hash, err := tlog.ParseHash(line)
		check(err, "a hash")
		proof = append(proof, hash)
	}
	size, root := open([]byte(signed), verifier)
	check(tlog.CheckRecord(proof, size, root, index, tlog.RecordHash(leaf)), file)
	if !bytes.Equal(leaf, entries[index]) {
		log.Fatalf("%s proves another leaf than entry %d", file, index)
	}
}

func check(err error, what string) {
	if err != nil {
		log.Fatalf("%s: %v", what, err)
	}
}
