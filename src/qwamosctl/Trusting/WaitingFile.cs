using Qwamos.ControlBus;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Trust;

namespace Qwamos.Client.Trusting;

/// <summary>A file that waits for signatures: a trust root, or a change. Exactly one of the two.</summary>
/// <param name="Root">The trust root, and who signed it.</param>
/// <param name="Change">The change, and who signed it.</param>
internal sealed record WaitingFile(SignedRoot? Root, Proposal? Change)
{
    public static bool TryRead(Session session, string name, out WaitingFile file, out Failure failure)
    {
        file = null!;
        if (!InputFile.TryRead(session.Terminal, name, Limits.MaxWaitingFileBytes, out var content, out failure))
            return false;
        if (!StrictJson.TryParse(content, out var document, out var fault, maxBytes: Limits.MaxWaitingFileBytes))
            return No(name, $"it is not JSON: {fault}", out failure);
        if (document.TryGet("root", out _))
        {
            if (!SignedRoot.TryRead(document, out var root, out fault, mayBeUnsigned: true))
                return No(name, fault, out failure);
            file = new WaitingFile(root, null);
            return true;
        }
        if (document.TryGet("msg", out _))
        {
            if (!Proposal.TryRead(content, out var change, out fault))
                return No(name, fault, out failure);
            file = new WaitingFile(null, change);
            return true;
        }
        return No(name, "it holds neither a trust root nor a change", out failure);
    }

    private static bool No(string name, string why, out Failure failure)
    {
        failure = new Failure(ExitCode.Refused, $"{InputFile.NameOf(name)} is not a file to sign: {why}", "Such a file comes from qwamosctl set … --out FILE, or from qwamosctl trust");
        return false;
    }
}
