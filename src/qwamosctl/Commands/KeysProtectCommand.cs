using System.CommandLine;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Qwamos.Client.Showing;
using Qwamos.Client.Unlocking;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;

namespace Qwamos.Client.Commands;

/// <summary><c>qwamosctl keys protect</c> and <c>keys unprotect</c>: puts the private key's file under a passphrase, under another one, or back.</summary>
internal static class KeysProtectCommand
{
    public static Command BuildProtect(SharedOptions shared, Terminal terminal)
    {
        Option<string> comment = new("--comment")
        {
            HelpName = "TEXT",
            Description = $"A comment in the file, not secret; at most {Limits.MaxKeyCommentChars} printable ASCII characters (default: who and where)",
        };
        Option<string> next = new("--new-passphrase-file")
        {
            HelpName = "FILE",
            Description = "For a key that is protected already: read its next passphrase from FILE",
        };
        Command command = new("protect", "Protect your private key with a passphrase, or with another one") { comment, next };
        command.SetAction(parse => shared.Run(parse, terminal, session => Protect(session, parse.GetValue(comment), parse.GetValue(next))));
        return command;
    }

    public static Command BuildUnprotect(SharedOptions shared, Terminal terminal)
    {
        Command command = new("unprotect", "Store your private key without a passphrase again");
        command.SetAction(parse => shared.Run(parse, terminal, Unprotect));
        return command;
    }

    private static int Protect(Session session, string? comment, string? nextFile)
    {
        if (comment is not null && !ProtectedKey.IsComment(comment))
            return session.Fail(Failure.Usage($"--comment takes at most {Limits.MaxKeyCommentChars} printable ASCII characters, without blanks at its ends"));
        if (nextFile is "")
            return session.Fail(Failure.Usage("--new-passphrase-file needs a path"));
        if (!OperatorKey.TryFind(session, out var home, out var stored, out var failure))
            return session.Fail(failure);
        using (stored)
        {
            SecretBytes? current = null, next = null;
            try
            {
                if (!TryGetBoth(session, home, stored, nextFile, out current, out next, out failure))
                    return session.Fail(failure);
                var said = comment ?? stored.Protected?.Comment ?? DefaultComment();
                return new KeyProtection(home).TryProtect(current, next, said, Argon2Cost.Default, out var fault)
                    ? Show(session, home, stored.Id, isProtected: true)
                    : session.Fail(new Failure(ExitCode.KeyProblem, fault));
            }
            finally
            {
                current?.Dispose();
                next?.Dispose();
            }
        }
    }

    private static int Unprotect(Session session)
    {
        if (!OperatorKey.TryFind(session, out var home, out var stored, out var failure))
            return session.Fail(failure);
        using (stored)
        {
            if (stored.Protected is null)
                return session.Fail(new Failure(ExitCode.KeyProblem, $"{home.PrivateKeyFile} is not protected by a passphrase; nothing was changed"));
            if (!ProtectedSigner.TryGetPassphrase(session, home.PrivateKeyFile, null, out var current, out failure, ProtectedSigner.AtTerminal))
                return session.Fail(failure);
            using (current)
            {
                return new KeyProtection(home).TryUnprotect(current, out var fault)
                    ? Show(session, home, stored.Id, isProtected: false)
                    : session.Fail(new Failure(ExitCode.KeyProblem, fault));
            }
        }
    }

    /// <summary>The passphrase that the key has, tried before anybody is asked for the next one, and that one.</summary>
    private static bool TryGetBoth(
        Session session, KeyHome home, StoredKey stored, string? nextFile, out SecretBytes? current, [NotNullWhen(true)] out SecretBytes? next, out Failure failure)
    {
        (current, next) = (null, null);
        if (stored.Protected is not { } key)
        {
            failure = Failure.Usage("--new-passphrase-file is for a key that is protected already; give --passphrase-file");
            return nextFile is null && TryGetNext(session, home, session.Passphrase, out next, out failure);
        }
        if (session.Passphrase is not null && nextFile is null)
        {
            failure = new Failure(
                ExitCode.KeyProblem, $"{home.PrivateKeyFile} is protected by a passphrase already; nothing was changed", "To change it: qwamosctl keys protect --passphrase-file OLD --new-passphrase-file NEW");
            return false;
        }
        if (!ProtectedSigner.TryGetPassphrase(session, home.PrivateKeyFile, null, out current, out failure, ProtectedSigner.AtTerminal)
            || !ProtectedSigner.TryOpen(home.PrivateKeyFile, key, current, out var opened, out failure))
            return false;
        opened.Dispose();
        _ = PassphraseSource.TryRead(nextFile, null, out var source, out _);
        return TryGetNext(session, home, source, out next, out failure);
    }

    private static bool TryGetNext(Session session, KeyHome home, PassphraseSource? source, [NotNullWhen(true)] out SecretBytes? next, out Failure failure)
    {
        if (source is not null)
            return source.TryRead(session, out next, out failure);
        failure = null!;
        next = session.Terminal.AskSecret($"New passphrase of {SafeText.ForTerminal(home.PrivateKeyFile)}: ");
        if (next is null)
        {
            failure = new Failure(ExitCode.KeyProblem, "nobody can be asked for the new passphrase here", ProtectedSigner.AtTerminal);
            return false;
        }
        string? fault;
        if (PassphraseSource.FirstLine(next, out fault) is not null)
        {
            using var again = session.Terminal.AskSecret("The same again: ");
            if (again is not null && PassphraseSource.FirstLine(again, out _) is not null && CryptographicOperations.FixedTimeEquals(next.Bytes, again.Bytes))
                return true;
            fault = "the two passphrases are not alike; nothing was changed, run the command again";
        }
        next.Dispose();
        next = null;
        failure = new Failure(ExitCode.KeyProblem, fault!);
        return false;
    }

    private static int Show(Session session, KeyHome home, KeyId id, bool isProtected)
    {
        session.Terminal.Print(session.Json
            ? JsonPrinter.Print(JsonValue.Object(
            [
                ("status", JsonValue.Of("ok")),
                ("key_id", JsonValue.Of(id.ToString())),
                ("private_key_file", JsonValue.Of(home.PrivateKeyFile)),
                ("protected", JsonValue.Of(isProtected)),
            ])) + "\n"
            : $"key ID       {id}\nprivate key  {SafeText.ForTerminal(home.PrivateKeyFile)}\nprotected    {(isProtected ? "yes: without the passphrase, or a backup made before, the key is lost" : "no: whoever can read the file can sign")}\n");
        return (int)ExitCode.Done;
    }

    private static string DefaultComment()
    {
        var text = $"{Environment.UserName}@{Environment.MachineName}";
        return ProtectedKey.IsComment(text) ? text : "";
    }
}
