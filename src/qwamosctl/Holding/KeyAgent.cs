using System.Globalization;
using Qwamos.Client.Talking;
using Qwamos.Client.Unlocking;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;

namespace Qwamos.Client.Holding;

/// <summary>
/// Holds an unlocked key and signs with it for this user's programs (docs/formats/keys.md). One thread: it waits for a signal, a connection, what a
/// connection sends and what is typed, and does what each asks; nothing that it waits for keeps it from the others.
/// </summary>
internal sealed class KeyAgent(Session session, KeyHome home, KeyId id, HeldKey held, AgentSocket socket, AgentSignals signals, OperatorTerminal? terminal) : IDisposable
{
    // Wakes to look at the clocks: while the machine sleeps, waiting does not end.
    private const int LongestWaitMilliseconds = 5_000;

    private readonly SigningJudge judge = new(session);
    private readonly Waiting waiting = new();
    private readonly List<AgentConnection> connections = [];
    private readonly AgentDesk? desk = terminal is null ? null : new AgentDesk(session, terminal, home, id);
    private Question? question;
    private string? lastSigned;

    private TimeProvider Clock => session.Terminal.Clock;

    /// <summary>Until a signal ends it, or its terminal is gone.</summary>
    public void Run()
    {
        while (!signals.MustEnd)
        {
            LockIfDue();
            Wait();
            LockIfDue();
            if (signals.TakeLock())
            {
                Lock("locked by a signal");
                if (desk is { IsGone: true })
                    break;
            }
            ReadConnections();
            Accept();
            if (desk is not null && !ReadDesk())
                break;
            Drop();
        }
        Log("ends");
    }

    public void Dispose()
    {
        foreach (var connection in connections)
            connection.Dispose();
        desk?.Dispose();
        held.Dispose();
    }

    private void Wait()
    {
        desk?.Show(held.IsLocked, question is not null);
        waiting.Clear();
        waiting.Add(signals.Descriptor);
        waiting.Add(socket.Descriptor);
        if (desk is { IsListening: true })
            waiting.Add(desk.Descriptor);
        foreach (var connection in connections)
            waiting.Add(connection.Descriptor);
        var time = LongestWaitMilliseconds;
        foreach (var connection in connections)
            time = Math.Min(time, connection.Deadline.LeftMilliseconds);
        if (question is { } open)
            time = Math.Min(time, open.Deadline.LeftMilliseconds);
        if (!held.IsLocked)
            time = (int)Math.Min(time, Math.Ceiling(held.Left.TotalMilliseconds));
        waiting.Wait(time);
    }

    private void Accept()
    {
        if (!waiting.IsReady(socket.Descriptor) || !socket.TryAccept(out var accepted, out var pid, out var uid))
            return;
        if (uid != Posix.EffectiveUid)
        {
            accepted.Dispose();
            Log($"refused process {pid} of uid {uid}: the agent serves its own user only");
            return;
        }
        // Who comes is served: who sends nothing makes room.
        if (connections.Count == Limits.MaxAgentConnections && connections.Find(connection => !connection.IsAsked) is { } oldest)
        {
            connections.Remove(oldest);
            oldest.Dispose();
        }
        connections.Add(new AgentConnection(accepted, pid, new Deadline(Clock, TimeSpan.FromSeconds(Limits.AgentTimeoutSeconds))));
    }

    private void ReadConnections()
    {
        foreach (var connection in connections)
        {
            if (!waiting.IsReady(connection.Descriptor) || !connection.TryRead(out var line))
                continue;
            if (AgentRequest.TryRead(line, out var request, out var fault))
                Serve(connection, request);
            else
                connection.Refuse("bad_request", fault);
        }
    }

    private void Serve(AgentConnection connection, AgentRequest request)
    {
        switch (request.Operation)
        {
            case AgentRequest.Status:
                connection.Answer(State());
                break;
            case AgentRequest.Lock:
                Lock($"locked by process {connection.Pid}");
                connection.Answer(State());
                break;
            case AgentRequest.Sign when request.KeyId != id.ToString():
                connection.Refuse("other_key", "it holds another key");
                break;
            case AgentRequest.Sign when held.IsLocked:
                connection.Refuse("locked", "it is locked");
                break;
            default:
                Judge(connection, request.Data);
                break;
        }
    }

    private void Judge(AgentConnection connection, byte[] data)
    {
        var judgement = judge.Judge(data);
        if (judgement.Verdict == Verdict.Sign)
            Sign(connection, data, judgement);
        else if (judgement.Verdict != Verdict.Ask)
            Refuse(connection, "refused", judgement.Reason, "refused");
        else if (question is not null)
            connection.Refuse("busy", "it asks about another one");
        else if (desk is null || !desk.TryAsk(connection.Pid, judgement))
            Refuse(connection, "nobody_to_ask", $"it has no terminal to ask at, and {judgement.Reason}", "nobody to ask about");
        else
        {
            var time = TimeSpan.FromSeconds(Limits.AgentQuestionSeconds);
            question = new Question(connection, data, judgement, new Deadline(Clock, time));
            connection.IsAsked = true;
            // What was asked is answered before the connection would be dropped.
            connection.Deadline = new Deadline(Clock, time + TimeSpan.FromSeconds(1));
            connection.SayAsking();
        }
    }

    private void Sign(AgentConnection connection, byte[] data, Judgement judgement)
    {
        if (held.Sign(data) is not { } signature)
        {
            connection.Refuse("locked", "it is locked");
            return;
        }
        connection.Answer(("signature", JsonValue.Of(Convert.ToBase64String(signature))));
        // A backup is fetched part by part: one line says it.
        var line = $"signed for process {connection.Pid}: {judgement.Line}";
        if (line != lastSigned)
            Log(line);
        lastSigned = line;
    }

    private void Refuse(AgentConnection connection, string code, string reason, string logged)
    {
        connection.Refuse(code, reason);
        Log($"{logged}, for process {connection.Pid}: {SafeText.ForTerminal(reason)}");
    }

    /// <summary>What was typed: an answer, or a passphrase. False when nothing will be any more, or the end was typed.</summary>
    private bool ReadDesk()
    {
        if (question is { } open)
            Settle(open);
        if (!desk!.IsListening || !waiting.IsReady(desk.Descriptor))
            return true;
        if (waiting.IsGone(desk.Descriptor))
        {
            Lock("locked: its terminal is gone");
            return false;
        }
        if (question is { } asked)
        {
            End(asked, desk.ReadYes() ? null : "whoever sits at its terminal said no");
            return true;
        }
        if (!held.IsLocked)
            return true;
        if (!desk.TryReadKey(out var opened))
            return false;
        if (opened is not null)
        {
            held.Unlock(opened);
            Log($"unlocked: locks itself after {held.LockAfter.TotalSeconds:0} s without a signature");
        }
        return true;
    }

    /// <summary>Ends the asking that is no use any more.</summary>
    private void Settle(Question open)
    {
        if (open.Asker.IsDone)
            End(open, "who asked is gone");
        else if (held.IsLocked)
            End(open, "it was locked meanwhile");
        else if (open.Deadline.LeftMilliseconds == 0)
            End(open, "nobody answered at its terminal");
    }

    private void End(Question asked, string? no)
    {
        question = null;
        asked.Asker.IsAsked = false;
        desk!.EndAsking(no);
        if (no is null)
            Sign(asked.Asker, asked.Data, asked.Judgement);
        else
            Refuse(asked.Asker, "declined", no, "not signed");
    }

    private void Lock(string why)
    {
        if (held.IsLocked)
            return;
        held.Lock();
        Log(why);
    }

    private void LockIfDue()
    {
        if (held.LockIfDue())
            Log($"locked: nothing was signed for {held.LockAfter.TotalSeconds:0} s");
    }

    private void Drop() => connections.RemoveAll(connection =>
    {
        if (!connection.IsDone && connection.Deadline.LeftMilliseconds > 0)
            return false;
        // Its question is settled in the next round.
        if (connection.IsAsked)
            return false;
        connection.Dispose();
        return true;
    });

    private (string, JsonValue)[] State() =>
    [
        ("key_id", JsonValue.Of(id.ToString())),
        ("locked", JsonValue.Of(held.IsLocked)),
        ("locks_in", JsonValue.Of((long)held.Left.TotalSeconds)),
        ("asks", JsonValue.Of(desk is { CanAsk: true })),
    ];

    private void Log(string line) =>
        session.Terminal.Note($"{Clock.GetUtcNow().ToString("HH:mm:ss", CultureInfo.InvariantCulture)} {line}");
}
