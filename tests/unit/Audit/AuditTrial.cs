using System.Text;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Hosting.Pipeline;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Tests.Client;
using Qwamos.ControlBus.Tests.Ledger;
using Qwamos.ControlBus.Tests.Listening;
using Qwamos.ControlBus.Tests.Trust;
using Qwamos.Daemon.Auditing;

namespace Qwamos.ControlBus.Tests.Audit;

/// <summary>A ledger with a history, its key, and exports of it, in a folder of its own.</summary>
internal sealed class AuditTrial : IDisposable
{
    public static readonly string SystemIdText = new('c', SystemId.Digits);

    private readonly LedgerFolder _folder = new();
    private readonly bool _ownsSigner;
    private int _exports;

    /// <param name="entries">So many, made by <see cref="AddOne"/>.</param>
    /// <param name="signer">Another trial's key, which stays that one's; null for one of its own.</param>
    public AuditTrial(int entries = 0, CheckpointSigner? signer = null)
    {
        _ownsSigner = signer is null;
        Signer = signer ?? new CheckpointSigner(SigningKey.Generate(), Checkpoint.OriginOf(SystemIdText));
        Store = _folder.Open();
        History = new History(Store);
        for (var i = 0; i < entries; i++)
            AddOne(i);
    }

    /// <summary>What the checkpoints that it serves say.</summary>
    public ManualTime Clock { get; } = new(TestCheckpoints.Seconds);

    public LedgerStore Store { get; }

    public History History { get; }

    public CheckpointSigner Signer { get; }

    public IReadOnlyList<VerifyingKey> Operators { get; } = [History.SignerKey];

    /// <summary>Every tenth is confidential, every seventh a refusal, every eleventh a note.</summary>
    public void AddOne(int number)
    {
        History.Now++;
        if (number % 10 == 9)
            History.Set("DURESS.gesture", number % 20 == 9 ? "none" : "triple-power");
        else if (number % 11 == 10)
            History.LowerFloor(History.Now);
        else
            History.Set("RADIO_ISOLATION", number % 7 == 6 ? "nonsense" : number % 2 == 0 ? "on" : "off");
    }

    /// <summary>
    /// A trust root of two holders who must sign together; a change that waited a day for the second; the second's key disowned from it on. Gives the change's index.
    /// </summary>
    public long AddWaited(SigningKey second)
    {
        History.Now++;
        var both = new RootDraft
        {
            System = SystemIdText,
            CreatedSeconds = History.Now,
            ExpiresSeconds = History.Now + RootDraft.Year,
            Holders = [("alice", [History.SignerKey]), ("bob", [second.Public])],
            Roles = [("root", RootDraft.Role(["alice"], 1)), ("operator", RootDraft.Role(["alice", "bob"], 2, "\"commands\":[\"*\"],\"policy\":[{\"key\":\"*\"}]"))],
        };
        History.Record(both.Signed(History.Key));
        var signed = History.Now;
        History.Now += 86_400;
        var index = History.SetBy([History.Key, second], SystemIdText, signed, signed + 100_000, ("RADIO_ISOLATION", JsonValue.Of("on")));
        History.Record((RootDraft.Single("alice", History.SignerKey) with
        {
            Version = 2, System = SystemIdText, CreatedSeconds = History.Now, ExpiresSeconds = History.Now + RootDraft.Year, Revoked = [(second.Public.Id, index)],
        }).Signed(History.Key));
        return index;
    }

    /// <summary>Records the operator's statement about the ledger's key.</summary>
    public void SignKey() => History.SignKey(Signer.Key.ToString(), SystemIdText, History.Now);

    public List<byte[]> Leaves() => [.. Store.ReadFrom(0).Select(row => row.Leaf)];

    /// <summary>Exports the ledger, or other leaves as if they were the ledger's, signed by its key or another one.</summary>
    public string Export(IReadOnlyList<byte[]>? leaves = null, CheckpointSigner? signer = null)
    {
        var directory = Path.Combine(_folder.Dir, $"export{_exports++}");
        leaves ??= Leaves();
        signer ??= Signer;
        var checkpoint = Checkpoint.Of(signer.Key.Name, MerkleTree.Of(leaves.Select(leaf => MerkleTree.LeafHash(leaf))));
        var export = new ExportWriter(directory);
        foreach (var leaf in leaves)
            export.Add(leaf);
        export.Finish(signer.Sign(checkpoint).ToBytes(), checkpoint);
        return directory;
    }

    /// <summary>The proof of an entry in the tree as it is now.</summary>
    public InclusionProof Prove(long index) => new(
        index,
        Store.Read(index)!.Leaf,
        new LedgerTree(Store).InclusionProof(index, Store.Size),
        Signer.Sign(Checkpoint.Of(Signer.Key.Name, Store.Tree())).ToBytes())
    {
        Roots =
        [
            .. Enumerable.Range(0, (int)Store.Size).Where(at => Store.ReadEntry(at) is TrustRootEntry)
                .Select(at => new ProofRoot(at, Store.Read(at)!.Leaf, new LedgerTree(Store).InclusionProof(at, Store.Size))),
        ],
    };

    public AuditReport Verify(string directory, NoteVerifierKey? key = null, IReadOnlyList<VerifyingKey>? signers = null) =>
        new ExportVerifier(directory, key ?? Signer.Key, signers ?? Operators).Verify();

    /// <summary>Listens as qwamosd does, with its own answers to what auditors ask.</summary>
    public FakeBus Serve(string socket) => new(socket, Answer);

    /// <summary>qwamosd's answer to a request of an auditor.</summary>
    public byte[] Answer(string request)
    {
        if (!EnvelopeReader.TryRead(Encoding.UTF8.GetBytes(request), out var envelope, out var refusal))
            return ControlBus.Envelopes.Answer.Error(refusal);
        Checkpoints checkpoints = new(Signer, () => new PublishedState(History.State, Store.Tree(), 0), Clock);
        if (envelope.Message.Command is Commands.SetPolicy or Commands.GetStatus)
            return Show(envelope.Message.Command, checkpoints);
        TrustRootAnswers answers = new(Store, () => new PublishedState(History.State, Store.Tree(), 0), new AuditAnswers(Store, checkpoints, _ => ("", 0), _ => true));
        return answers.TryRead(envelope.Message, out var members, out refusal) ? ControlBus.Envelopes.Answer.Ok(members) : ControlBus.Envelopes.Answer.Error(refusal);
    }

    /// <summary>An answer that says little beside what every answer carries.</summary>
    private static byte[] Show(string command, Checkpoints checkpoints)
    {
        checkpoints.Newest();
        var change = JsonValue.Object([("runtime_applied", JsonValue.Array(["RADIO_ISOLATION"])), ("reboot_staged", JsonValue.Array())]);
        return ControlBus.Envelopes.Answer.Ok(
            [.. command == Commands.SetPolicy ? new[] { ("result", change), ("index", JsonValue.Of(3)) } : [("policy", JsonValue.Object()), ("gateways", JsonValue.Object())], .. checkpoints.Carried]);
    }

    /// <summary>Path in the export to content.</summary>
    public static SortedDictionary<string, byte[]> Files(string directory) => new(
        Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories).ToDictionary(file => Path.GetRelativePath(directory, file), File.ReadAllBytes),
        StringComparer.Ordinal);

    public void Dispose()
    {
        Store.Dispose();
        if (_ownsSigner)
            Signer.Dispose();
        _folder.Dispose();
    }
}
