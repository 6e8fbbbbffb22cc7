using System.Security.Cryptography;
using System.Text;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;

namespace Qwamos.Gateway.Witnessing;

/// <summary>
/// evidence/: what shows that somebody made two histories, or another ledger's key. A file is named by what it holds, so that the same thing
/// again makes no second one, and none is ever written over or removed here. Each kind has places of its own, so that what anybody can make
/// takes none from what proves itself.
/// </summary>
internal sealed class Evidence(SystemPaths paths, TimeProvider time, LogMessages log)
{
    private const UnixFileMode FileMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode FolderMode = FileMode | UnixFileMode.UserExecute;
    private const int NameDigits = 16;
    private const int Format = 1;

    private long _leftOut;

    /// <summary>What is there, and how many more were not kept since the start.</summary>
    public JsonValue ToJson() => JsonValue.Object(
    [
        .. Enum.GetValues<EvidenceKind>().Select(kind => (Word(kind).Replace('-', '_'), JsonValue.Of(Count(kind)))),
        ("left_out", JsonValue.Of(Interlocked.Read(ref _leftOut))),
    ]);

    /// <summary>Keeps it, durable when this returns; a full folder or disk is counted and logged, and changes nothing about the refusal.</summary>
    /// <param name="kind">What it shows.</param>
    /// <param name="reason">A sentence without its full stop.</param>
    /// <param name="seen">What was remembered.</param>
    /// <param name="offered">What came; null when nothing did.</param>
    /// <param name="identity">The same for what tells nothing new.</param>
    public void Keep(EvidenceKind kind, string reason, WitnessMemory? seen, JsonValue? offered, string identity)
    {
        string name = $"{Word(kind)}-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(identity)))[..NameDigits]}.json";
        string path = Path.Combine(paths.GatewayEvidenceDir, name);
        if (File.Exists(path))
            return;
        if (Count(kind) >= MaxFiles(kind))
        {
            Interlocked.Increment(ref _leftOut);
            return;
        }

        try
        {
            DurableFile.MakeDirectory(paths.GatewayEvidenceDir, FolderMode);
            if (DurableFile.CreateNew(path, Content(kind, reason, seen, offered), FileMode))
                log.EvidenceKept(reason, path);
        }
        catch (IOException e)
        {
            Interlocked.Increment(ref _leftOut);
            log.EvidenceNotKept(reason, e.Message);
        }
    }

    private byte[] Content(EvidenceKind kind, string reason, WitnessMemory? seen, JsonValue? offered) => JsonText.Line(JsonValue.Object(
    [
        ("format", JsonValue.Of(Format)),
        ("kind", JsonValue.Of(Word(kind))),
        ("time", JsonValue.Of(time.GetUtcNow().ToUnixTimeSeconds())),
        ("reason", JsonValue.Shown(reason)),
        ("seen", seen is null ? JsonValue.Null : JsonValue.Object(
        [
            ("key", JsonValue.Of(seen.Key.ToString())),
            ("trust", JsonValue.Of(seen.Trust)),
            ("checkpoint", seen.Seen is { } last ? JsonValue.Of(last.Cosigned.ToString()) : JsonValue.Null),
        ])),
        ("offered", offered ?? JsonValue.Null),
    ]));

    private int Count(EvidenceKind kind) =>
        Directory.Exists(paths.GatewayEvidenceDir) ? Directory.EnumerateFiles(paths.GatewayEvidenceDir, Word(kind) + "-*.json").Count() : 0;

    private static int MaxFiles(EvidenceKind kind) =>
        kind is EvidenceKind.PinnedFork or EvidenceKind.Unproven or EvidenceKind.UnknownKey or EvidenceKind.Delivery ? Limits.MaxUnprovenEvidenceFiles : Limits.MaxEvidenceFiles;

    private static string Word(EvidenceKind kind) => kind switch
    {
        EvidenceKind.Fork => "fork",
        EvidenceKind.PinnedFork => "pinned-fork",
        EvidenceKind.Unproven => "unproven",
        EvidenceKind.UnknownKey => "unknown-key",
        EvidenceKind.Delivery => "delivery",
        _ => "replaced",
    };
}
