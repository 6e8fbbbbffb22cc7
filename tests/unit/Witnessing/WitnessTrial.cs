using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Tests.Ledger;
using Qwamos.ControlBus.Tests.Listening;
using Qwamos.ControlBus.Verification;
using Qwamos.Gateway;
using Qwamos.Gateway.Witnessing;

namespace Qwamos.ControlBus.Tests.Witnessing;

/// <summary>A witness in a folder of its own, an operator, and a ledger's key that signs whatever a test wants.</summary>
internal sealed class WitnessTrial : IDisposable
{
    public static readonly string System = new('a', SystemId.Digits);
    public static readonly NaiveTree Honest = NaiveTree.OfSize(20);

    /// <summary>The same first three entries, and others after them.</summary>
    public static readonly NaiveTree Split = new(Enumerable.Range(0, 20).Select(i => i < 3 ? Honest.Leaf(i) : MerkleTreeLeaf($"other {i}")));

    private readonly string _root = Directory.CreateTempSubdirectory("qw-witness-").FullName;

    public WitnessTrial()
    {
        Paths = SystemPaths.TryCreate(_root, out SystemPaths? paths, out _) ? paths : throw new InvalidOperationException();
        TrialTree.MakeMissing(Paths);
        Witness = Open();
    }

    public SystemPaths Paths { get; }

    public ManualTime Time { get; } = new(1_800_000_000);

    public SigningKey Operator { get; set; } = SigningKey.Generate();

    /// <summary>The trust roots that the next start knows; null: the operator's key alone.</summary>
    public RootHistory? Roots { get; set; }

    public SigningKey LedgerKey { get; } = SigningKey.Generate();

    public Witness Witness { get; private set; }

    public string[] Evidence => Directory.Exists(Paths.GatewayEvidenceDir) ? [.. Directory.GetFiles(Paths.GatewayEvidenceDir).Select(Path.GetFileName).Order(StringComparer.Ordinal)!] : [];

    public static string Origin(string? system = null) => Checkpoint.OriginOf(system ?? System);

    public NoteVerifierKey Verifier(SigningKey? key = null, string? system = null) => new(Origin(system), (key ?? LedgerKey).Public);

    /// <summary>A note over the first entries of a tree, signed now when no other time is given.</summary>
    public SignedNote Note(NaiveTree tree, int size, long? seconds = null, SigningKey? key = null, string? system = null)
    {
        var checkpoint = new Checkpoint(Origin(system), size, tree.Root(size));
        NoteVerifierKey verifier = Verifier(key, system);
        var text = checkpoint.ToText();
        var note = new SignedNote(text, [new NoteSignature(verifier.Name, verifier.KeyHash, (key ?? LedgerKey).Sign(Encoding.UTF8.GetBytes(text)))]);
        return note.With([CosignatureKey.Of(verifier).Sign(key ?? LedgerKey, checkpoint, seconds ?? Time.UnixSeconds)]);
    }

    /// <summary>What an honest sender sends who believes that the witness saw <paramref name="old"/> entries.</summary>
    public CheckpointOffer Offer(int old, int size, NaiveTree? tree = null, long? seconds = null) => new(
        Note(tree ?? Honest, size, seconds).ToString(), Verifier().ToString(), old, old < size ? (tree ?? Honest).ConsistencyProof(old, size) : []);

    /// <summary><c>ok</c> or the code.</summary>
    public string Take(CheckpointOffer offer) => Witness.TryTake(offer, out _, out Refusal? refusal) ? "ok" : ErrorCodes.Name(refusal.Code);

    public string Trust(SigningKey ledger, long seconds) =>
        Witness.TryTrust(LedgerKeyStatement.Sign(Operator, Verifier(ledger).ToString(), System, seconds), out _, out Refusal? refusal) ? "ok" : ErrorCodes.Name(refusal.Code);

    /// <summary>A trial whose operator vouched for the ledger's key, so that the witness cosigns.</summary>
    public static WitnessTrial Signed()
    {
        var trial = new WitnessTrial();
        return trial.Trust(trial.LedgerKey, 10) == "ok" ? trial : throw new InvalidOperationException();
    }

    public void Restart(string? system = null)
    {
        Witness.Dispose();
        Witness = Open(system);
    }

    public bool TryOpen(out Witness? witness, out string? fault, string? system = null) =>
        Witness.TryOpen(Paths, Roots ?? RootHistory.Of(Operator.Public), system ?? System, "sys-net", Time, new LogMessages(NullLogger.Instance), out witness, out fault);

    public void Dispose()
    {
        Witness.Dispose();
        Operator.Dispose();
        LedgerKey.Dispose();
        Directory.Delete(_root, recursive: true);
    }

    private Witness Open(string? system = null) => TryOpen(out Witness? witness, out string? fault, system) ? witness! : throw new InvalidOperationException(fault);

    private static byte[] MerkleTreeLeaf(string text) => Qwamos.ControlBus.Ledger.MerkleTree.LeafHash(Encoding.UTF8.GetBytes(text));
}
