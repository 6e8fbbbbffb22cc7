using Qwamos.ControlBus;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Trust;

namespace Qwamos.Client.Trusting;

/// <summary><c>NAME=FILE</c>: a holder and their public key, the file <c>ed25519_pk</c> of their key home.</summary>
internal static class HolderFile
{
    private const int MaxNameChars = 32;

    public static bool TryRead(Session session, string pair, out Holder holder, out Failure failure)
    {
        holder = null!;
        var at = pair.IndexOf('=', StringComparison.Ordinal);
        if (at <= 0 || at == pair.Length - 1)
            return No(Failure.Usage($"a holder is written NAME=FILE, with the file ed25519_pk of their key home, not {pair}"), out failure);
        var (name, file) = (pair[..at], pair[(at + 1)..]);
        if (NameFault(name) is { } bad)
            return No(bad, out failure);
        if (!InputFile.TryRead(session.Terminal, file, Limits.MaxVerifierKeyFileBytes, out var content, out failure))
            return false;
        if (content.Length == SigningKey.SeedSizeBytes && Path.GetFileName(file) == "ed25519_sk")
            return No(Failure.Usage($"{file} looks like a private key, which nobody gives away: give the file ed25519_pk beside it"), out failure);
        if (!VerifyingKey.TryLoad(content, out var key, out var fault))
            return No(new Failure(ExitCode.Refused, $"{file} is not a public key: {fault}", "It is the file ed25519_pk, 32 bytes, of their key home: qwamosctl key show names it"), out failure);
        holder = new Holder(name, [key]);
        return true;
    }

    /// <summary>Why a holder cannot be called so; null when they can.</summary>
    public static Failure? NameFault(string name) =>
        name.Length is > 0 and <= MaxNameChars && char.IsAsciiLetterLower(name[0]) && name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-')
            ? null
            : Failure.Usage($"a holder's name is 1 to {MaxNameChars} of a-z, 0-9 and -, a letter first, not {name}");

    private static bool No(Failure why, out Failure failure)
    {
        failure = why;
        return false;
    }
}
