using System.CommandLine;
using System.Text;
using Qwamos.Client.Auditing;
using Qwamos.Client.Showing;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Ledger;

namespace Qwamos.Client.Commands;

/// <summary><c>qwamosctl audit prove INDEX</c>: one entry and the proof that it is in the ledger, as one file on standard output.</summary>
internal static class AuditProveCommand
{
    public static Command Build(SharedOptions shared, Terminal terminal)
    {
        Argument<long> index = new("INDEX") { Description = "The entry's number, from 0" };
        SourceOption source = new();
        Command command = new("prove", "Print the proof that an entry is in the ledger: one file, for check-proof (C2SP tlog-proof)") { index };
        source.AddTo(command);
        command.SetAction(parse => shared.Run(parse, terminal, session => Run(session, parse, parse.GetValue(index), source)));
        return command;
    }

    private static int Run(Session session, ParseResult parse, long index, SourceOption option)
    {
        if (index is < 0 or > ControlBus.Limits.MaxSafeInteger)
            return session.Fail(Failure.Usage("INDEX is an entry's number, from 0"));
        if (!option.TryOpen(parse, session, out var source, out var failure) || !source.TryGetProof(index, out var proof, out var key, out failure))
            return session.Fail(failure);
        if (!Checkpoint.TryOpen(proof.Note.Span, key, out var checkpoint, out var fault)
            || !TreeProofs.VerifyInclusion(MerkleTree.LeafHash(proof.Leaf.Span), index, checkpoint.Size, proof.Path, checkpoint.RootHash.Span))
            return session.Fail(new Failure(ExitCode.Refused, $"what {source.Place} gave does not prove entry {index}: {fault ?? "its hashes do not lead to the signed root"}"));
        if (!TryAddRoots(source, ref proof, checkpoint, out failure))
            return session.Fail(failure);
        var file = Encoding.UTF8.GetString(proof.ToBytes());
        session.Terminal.Print(session.Json
            ? JsonPrinter.Print(JsonValue.Object([
                ("status", JsonValue.Of("ok")),
                ("index", JsonValue.Of(index)),
                .. AuditText.Members(checkpoint),
                ("key", JsonValue.Of(key.ToString())),
                ("proof", JsonValue.Of(file))])) + "\n"
            : file);
        return (int)ExitCode.Done;
    }

    /// <summary>Who checks it offline must know who might sign then, and has nobody to ask.</summary>
    private static bool TryAddRoots(ILedgerSource source, ref InclusionProof proof, Checkpoint checkpoint, out Failure failure)
    {
        if (!source.TryFindRoots(proof.Index, checkpoint.Size, out var indexes, out failure))
            return false;
        List<ProofRoot> roots = [];
        foreach (var index in indexes.Take(Limits.MaxProofRoots + 1))
        {
            if (!source.TryGetRoot(index, checkpoint.Size, out var root, out failure))
                return false;
            if (!TreeProofs.VerifyInclusion(MerkleTree.LeafHash(root.Leaf.Span), index, checkpoint.Size, root.Path, checkpoint.RootHash.Span))
            {
                failure = new Failure(ExitCode.Refused, $"what {source.Place} gave does not prove the trust root at entry {index}: its hashes do not lead to the signed root");
                return false;
            }
            roots.Add(root);
        }
        proof = proof with { Roots = roots };
        if (roots.Count <= Limits.MaxProofRoots && proof.ToBytes().Length <= Limits.MaxProofFileBytes)
            return true;
        failure = new Failure(
            ExitCode.Refused, $"the proof would be too long: with it go all versions of the trust root, and it may have {Limits.MaxProofRoots} of them and {Limits.MaxProofFileBytes} bytes",
            "Give the whole ledger, which proves each entry: qwamosctl audit export DIR");
        return false;
    }
}
