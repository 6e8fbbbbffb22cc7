using System.CommandLine;
using Qwamos.Client.Showing;
using Qwamos.Client.Talking;
using Qwamos.Client.Trusting;
using Qwamos.Client.Unlocking;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;

namespace Qwamos.Client.Commands;

/// <summary><c>qwamosctl key show</c>: the key ID and the public key's file, which enrolment needs.</summary>
internal static class KeyCommand
{
    public static Command Build(SharedOptions shared, Terminal terminal)
    {
        Command show = new("show", "Show the key ID and where the public key is; makes the key when there is none");
        show.SetAction(parse => shared.Run(parse, terminal, Show));
        return new Command("key", "The operator's key") { show };
    }

    private static int Show(Session session)
    {
        if (!OperatorKey.TryOpenOrCreate(session, advise: session.Json, out var key, out var failure, toSign: false))
            return session.Fail(failure);
        using (key)
        {
            if (session.Json)
                session.Terminal.Print(JsonPrinter.Print(JsonValue.Object(
                [
                    ("status", JsonValue.Of("ok")),
                    ("key_id", JsonValue.Of(key.Id.ToString())),
                    ("type", JsonValue.Of("ed25519")),
                    ("signs_with", JsonValue.Of(WithoutLibsodium.IsInForce ? "BouncyCastle" : "libsodium")),
                    ("public_key_file", JsonValue.Of(key.PublicKeyFile)),
                    ("enrolled", key.IsEnrolled is { } known ? JsonValue.Of(known) : JsonValue.Null),
                    ("holder", KeptTrust.Known(session)?.HolderOf(key.Id) is { } holder ? JsonValue.Of(holder) : JsonValue.Null),
                    ("protected", JsonValue.Of(key.IsProtected)),
                    ("agent", AgentOf(session, key) is { } agent ? JsonValue.Of(agent) : JsonValue.Null),
                ])) + "\n");
            else
                session.Terminal.Print(Describe(session, key, AgentOf(session, key)));
            return (int)ExitCode.Done;
        }
    }

    /// <summary>What an agent is to this key: <c>holds it</c>, <c>locked</c>, <c>holds another key</c>; null without one.</summary>
    private static string? AgentOf(Session session, OperatorKey key) =>
        !AgentClient.TryAskState(session, out var state, out _) ? null
        : state.KeyId != key.Id.ToString() ? "holds another key"
        : state.IsLocked ? "locked"
        : "holds it";

    private static string Describe(Session session, OperatorKey key, string? agent)
    {
        var root = KeptTrust.Known(session);
        var (other, hasRoot) = BelievedKey.Ask(session, key);
        var isUnderRoot = root is not null || hasRoot;
        var enrolled = key.IsEnrolled switch
        {
            _ when root?.HolderOf(key.Id) is { } holder => $"as {holder}'s, in version {root.Version} of the trust root",
            _ when isUnderRoot && key.IsEnrolled is not null => "no holder's in the newest trust root seen here",
            true => "yes, this system takes changes signed with it",
            false => "no, this system takes another key's changes",
            null when key.IsBelievedInTrial => "not yet, and this trial believes it as long as no key is enrolled",
            null => "no key is enrolled on this system",
        };
        var text = $"key ID      {key.Id}\npublic key  {SafeText.ForTerminal(key.PublicKeyFile)}\nenrolled    {enrolled}\nprotected   {(key.IsProtected ? "yes, by a passphrase" : "no, whoever can read the private key's file can sign")}\n";
        if (agent is not null)
            text += $"agent       {agent}\n";
        if (isUnderRoot && key.IsEnrolled is not null)
            return root?.HolderOf(key.Id) is not null ? text : text + session.Placed($"\nSee whose count: qwamosctl trust status. To have it count, a holder runs: qwamosctl trust add NAME={SafePath.Quote(key.PublicKeyFile)}\n");
        if (other is not null)
            text += $"daemon      the running one believes another key, {SafeText.ForTerminal(other)}{(key.IsEnrolled is true ? $": restart it: {session.RestartDaemon}" : "")}\n";
        return key.IsEnrolled is true ? text : text + $"\n{key.EnrolAdvice}\n";
    }
}
