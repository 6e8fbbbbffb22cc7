using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;

namespace Qwamos.Client.Trusting;

/// <summary>How far the replacement of a key has come, in the key home, so that it goes on after any interruption. What is in force the daemon says; this says what the home holds.</summary>
/// <param name="Old">The key that is replaced.</param>
/// <param name="New">The one that takes its place.</param>
/// <param name="IsSwitching">The home's files are being replaced: they may be of either key.</param>
/// <param name="SwitchedSeconds">When the home had the new key; null before.</param>
/// <param name="IsUndone">It is being taken back.</param>
/// <param name="Waiting">SHA-256 of the version that was written for others to sign, 64 lower-case hex digits; null while none was.</param>
/// <param name="WaitingVersion">Which version that is; 0 while none was.</param>
/// <param name="WaitingFile">Where that was written, an absolute path.</param>
internal sealed record RotationState(
    KeyId Old, KeyId New, bool IsSwitching, long? SwitchedSeconds, bool IsUndone, string? Waiting = null, long WaitingVersion = 0, string? WaitingFile = null)
{
    private const int MaxFileBytes = 4_096;
    private const UnixFileMode FileMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>What is noted; null when no key is being replaced. False when it cannot be read.</summary>
    public static bool TryRead(Session session, out RotationState? state, out Failure failure)
    {
        (state, failure) = (null, null!);
        var file = FileOf(session);
        if (Posix.IsAbsent(file))
            return true;
        string? fault;
        try
        {
            if (StrictJson.TryParse(DurableFile.ReadAllBounded(file, MaxFileBytes), out var document, out fault) && TryTake(document, out state))
                return true;
            fault ??= "it is not what this program writes there";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            fault = e.Message;
        }
        failure = new Failure(ExitCode.KeyProblem, $"how far the replacement of the key has come cannot be read: {file}: {fault}", "See which keys there are: the home's, next/ and old/ beside it; docs/guide/trust.md says what to do");
        return false;
    }

    /// <exception cref="IOException">It cannot be written.</exception>
    public void Write(Session session) => DurableFile.Replace(FileOf(session), [.. JsonText.Bytes(ToJson()), (byte)'\n'], FileMode);

    /// <exception cref="IOException">It cannot be removed.</exception>
    public static void Remove(Session session) => DurableFile.Remove(FileOf(session));

    private static string FileOf(Session session) => Path.Combine(session.KeyHomeDirectory, "rotation.json");

    private JsonValue ToJson() => JsonValue.Object(
    [
        ("old", JsonValue.Of(Old.ToString())),
        ("new", JsonValue.Of(New.ToString())),
        ("switching", JsonValue.Of(IsSwitching)),
        ("switched", SwitchedSeconds is { } seconds ? JsonValue.Of(seconds) : JsonValue.Null),
        ("undone", JsonValue.Of(IsUndone)),
        ("waiting", Waiting is { } hash ? JsonValue.Of(hash) : JsonValue.Null),
        ("waiting_version", JsonValue.Of(WaitingVersion)),
        ("waiting_file", WaitingFile is { } path ? JsonValue.Of(path) : JsonValue.Null),
    ]);

    private static bool TryTake(JsonValue document, out RotationState? state)
    {
        state = null;
        if (!document.TryGet("old", out var old) || !old.TryGetString(out var oldDigits) || !KeyId.TryParse(oldDigits, out var oldKey)
            || !document.TryGet("new", out var fresh) || !fresh.TryGetString(out var newDigits) || !KeyId.TryParse(newDigits, out var newKey)
            || !document.TryGet("switching", out var switching) || switching.Kind != JsonKind.Boolean
            || !document.TryGet("switched", out var switched) || !document.TryGet("undone", out var undone) || undone.Kind != JsonKind.Boolean)
            return false;
        state = new RotationState(
            oldKey, newKey, switching.AsBoolean, switched.TryGetInteger(out var seconds) ? seconds : null, undone.AsBoolean, TextOf(document, "waiting"),
            document.TryGet("waiting_version", out var version) && version.TryGetInteger(out var waits) ? waits : 0, TextOf(document, "waiting_file"));
        return true;
    }

    private static string? TextOf(JsonValue document, string name) => document.TryGet(name, out var value) && value.TryGetString(out var text) ? text : null;
}
