using System.CommandLine;
using System.Globalization;
using Qwamos.Client.Holding;
using Qwamos.Client.Showing;
using Qwamos.Client.Unlocking;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;

namespace Qwamos.Client.Commands;

/// <summary><c>qwamosctl agent</c>: asks for the passphrase once, and signs for this user's other commands until it is locked.</summary>
internal static class AgentCommand
{
    public static Command Build(SharedOptions shared, Terminal terminal)
    {
        Option<string> lockAfter = new("--lock-after")
        {
            HelpName = "TIME",
            Description = $"Forget the key when nothing was signed for so long: 90s, 15m (default), 8h; at most {Limits.MaxAgentLockAfterSeconds / 3_600}h",
        };
        Option<bool> lockNow = new("--lock") { Description = "Have the agent that runs forget the key now" };
        Command command = new("agent", "Hold the unlocked private key, and sign with it for your other commands") { lockAfter, lockNow };
        command.SetAction(parse => shared.Run(parse, terminal, session =>
            parse.GetValue(lockNow) ? Lock(session, parse.GetValue(lockAfter)) : Run(session, parse.GetValue(lockAfter))));
        return command;
    }

    private static int Lock(Session session, string? lockAfter)
    {
        if (lockAfter is not null)
            return session.Fail(Failure.Usage("--lock and --lock-after exclude each other"));
        if (!AgentClient.TryLock(session, out var state, out var why))
            return session.Fail(new Failure(ExitCode.NotReachable, why is null ? "no agent runs here: nothing holds the key" : $"the agent was not locked: {why}", why is null ? null : "End it: its process holds the key"));
        session.Terminal.Print(session.Json
            ? JsonPrinter.Print(JsonValue.Object([("status", JsonValue.Of("ok")), ("key_id", JsonValue.Of(state.KeyId)), ("locked", JsonValue.Of(state.IsLocked))])) + "\n"
            : "locked\n");
        return (int)ExitCode.Done;
    }

    private static int Run(Session session, string? lockAfter)
    {
        if (!TryReadTime(lockAfter, out var time))
            return session.Fail(Failure.Usage($"--lock-after takes a time such as 90s, 15m or 8h, from 1 second to {Limits.MaxAgentLockAfterSeconds / 3_600} hours, not {lockAfter}"));
        if (!OperatorKey.TryFind(session, out var home, out var stored, out var failure))
            return session.Fail(failure);
        using (stored)
        {
            if (stored.Protected is not { } key)
                return session.Fail(new Failure(ExitCode.KeyProblem, $"{home.PrivateKeyFile} is not protected by a passphrase: there is nothing to hold", "Protect it first: qwamosctl keys protect"));
            if (!AgentSocket.TryListen(AgentPlace.Of(session), out var socket, out var fault))
                return session.Fail(new Failure(ExitCode.KeyProblem, fault));
            using (socket)
                return Serve(session, home, key, socket, time);
        }
    }

    private static int Serve(Session session, KeyHome home, ProtectedKey key, AgentSocket socket, TimeSpan lockAfter)
    {
        // Where the user may lock so much; the key itself, and what is typed, is in memory of its own that is locked in any case.
        _ = Posix.TryLockAllMemory();
        if (!ProtectedSigner.TryGetPassphrase(session, home.PrivateKeyFile, null, out var passphrase, out var failure, "Start it at a terminal; or give --passphrase-file FILE"))
            return session.Fail(failure);
        using HeldKey held = new(session.Terminal.Clock, lockAfter);
        using (passphrase)
        {
            if (!ProtectedSigner.TryOpen(home.PrivateKeyFile, key, passphrase, out var opened, out failure))
                return session.Fail(failure);
            held.Unlock(opened);
        }
        using AgentSignals signals = new();
        using KeyAgent agent = new(session, home, key.Id, held, socket, signals, OperatorTerminal.TryOpen());
        session.Terminal.Print(Ready(session, key, socket, lockAfter));
        agent.Run();
        return (int)ExitCode.Done;
    }

    private static string Ready(Session session, ProtectedKey key, AgentSocket socket, TimeSpan lockAfter) => session.Json
        ? JsonPrinter.Print(JsonValue.Object(
        [
            ("status", JsonValue.Of("ok")),
            ("key_id", JsonValue.Of(key.Id.ToString())),
            ("socket", JsonValue.Of(socket.Path)),
            ("lock_after", JsonValue.Of((long)lockAfter.TotalSeconds)),
        ])) + "\n"
        : string.Create(
            CultureInfo.InvariantCulture,
            $"key ID      {key.Id}\nlistens at  {SafeText.ForTerminal(socket.Path)}\nlocks       after {(long)lockAfter.TotalSeconds} s without a signature; by SIGHUP; by {session.Placed("qwamosctl agent --lock")}\n");

    private static bool TryReadTime(string? text, out TimeSpan time)
    {
        time = TimeSpan.FromSeconds(Limits.AgentLockAfterSeconds);
        if (text is null)
            return true;
        var unit = text.Length > 0 ? text[^1] : ' ';
        var factor = unit switch { 'h' => 3_600, 'm' => 60, _ => 1 };
        var digits = unit is 'h' or 'm' or 's' ? text[..^1] : text;
        if (!int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number < 1 || (long)number * factor > Limits.MaxAgentLockAfterSeconds)
            return false;
        time = TimeSpan.FromSeconds(number * factor);
        return true;
    }
}
