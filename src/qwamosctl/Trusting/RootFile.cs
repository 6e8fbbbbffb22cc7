using Qwamos.ControlBus;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Trust;

namespace Qwamos.Client.Trusting;

/// <summary>
/// A trust root that somebody edited: an object of <c>holders</c>, <c>roles</c>, <c>revoked</c> and <c>expires</c>, or a whole document, of which the members that say
/// which version it is and when it was drawn up are put right. A member that is left out stays as it is in force.
/// </summary>
internal static class RootFile
{
    private static readonly string[] Edited = ["holders", "roles", "revoked", "expires"];
    private static readonly string[] PutRight = ["format", "system", "version", "created", "baseline"];

    public static bool TryRead(Session session, string name, RootDraft draft, out RootDraft edited, out Failure failure)
    {
        edited = null!;
        if (!InputFile.TryRead(session.Terminal, name, Limits.MaxWaitingFileBytes, out var content, out failure))
            return false;
        if (!StrictJson.TryParse(content, out var document, out var fault, maxBytes: Limits.MaxWaitingFileBytes))
            return No(name, $"it is not JSON: {fault}", out failure);
        // What `trust show -o json` prints, or a file that waits for signatures, has it inside.
        if (document.TryGet("root", out var inner))
            document = inner;
        if (document.Kind != JsonKind.Object)
            return No(name, "it is not an object", out failure);
        if (document.Members.Select(member => member.Key).FirstOrDefault(member => !Edited.Contains(member) && !PutRight.Contains(member)) is { } unknown)
            return No(name, $"its member {unknown} is none of {string.Join(", ", Edited)}", out failure);
        if (!draft.TryBuild(out var now, out failure))
            return false;
        var merged = JsonValue.Object(now.Root.Document.Members.Select(member => (member.Key, Edited.Contains(member.Key) && document.TryGet(member.Key, out var given) ? given : member.Value)));
        if (!SignedRoot.TryRead(JsonValue.Object([("root", merged), ("signatures", JsonValue.Array())]), out var read, out fault, mayBeUnsigned: true))
            return No(name, fault, out failure);
        var root = read.Root;
        edited = draft with { ExpiresSeconds = root.ExpiresSeconds, Holders = root.Holders, Roles = root.Roles, Revoked = root.Revoked };
        return true;
    }

    private static bool No(string name, string why, out Failure failure)
    {
        failure = new Failure(ExitCode.Refused, $"{InputFile.NameOf(name)} is not a trust root that was edited: {why}", "Begin with: qwamosctl trust show -o json > root.json; then edit holders, roles and revoked in it");
        return false;
    }
}
