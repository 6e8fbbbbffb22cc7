using System.Diagnostics.CodeAnalysis;
using System.Text;
using Qwamos.Client.Showing;
using Qwamos.Client.Talking;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;

namespace Qwamos.Client.Unlocking;

/// <summary>
/// Speaks with the agent (docs/formats/keys.md): one request and its answer a connection, JSON in a line. What it signs is verified, and one that runs as
/// another user is taken for none.
/// </summary>
internal sealed class AgentClient
{
    private const int SecondMilliseconds = 1_000;

    private readonly Session session;
    private readonly string path;

    private AgentClient(Session session, string path)
    {
        this.session = session;
        this.path = path;
    }

    /// <summary>Finds an agent that holds a key and can sign with it now.</summary>
    /// <param name="why">Why an agent that is there does not; null when there is none.</param>
    public static bool TryFind(Session session, KeyId id, [NotNullWhen(true)] out AgentClient? agent, out string? why)
    {
        agent = null;
        if (!TryAskState(session, out var state, out why))
            return false;
        why = state.KeyId != id.ToString() ? "it holds another key"
            : state.IsLocked ? "it is locked"
            : null;
        agent = why is null ? new AgentClient(session, AgentPlace.Of(session)) : null;
        return agent is not null;
    }

    /// <summary>What the agent holds.</summary>
    /// <param name="why">Why that is not known of one that is there; null when there is none.</param>
    public static bool TryAskState(Session session, out AgentState state, out string? why) => TryAskState(session, "status", out state, out why);

    /// <summary>Has it forget the key.</summary>
    public static bool TryLock(Session session, out AgentState state, out string? why) => TryAskState(session, "lock", out state, out why);

    /// <summary>Has it sign bytes, which it judges for itself.</summary>
    public AgentAnswer TrySign(ProtectedKey key, ReadOnlySpan<byte> data, out byte[]? signature, out string? why)
    {
        signature = null;
        var request = JsonValue.Object([("op", JsonValue.Of("sign")), ("key_id", JsonValue.Of(key.Id.ToString())), ("data", JsonValue.Of(Convert.ToBase64String(data)))]);
        if (!TryExchange(session, path, request, out var answer, out why))
        {
            why ??= "it has ended";
            return AgentAnswer.CouldNot;
        }
        if (TextOf(answer, "status") == "ok")
        {
            signature = Decoded(TextOf(answer, "signature"));
            if (signature is not null && IsItsSignature(key, data, signature))
                return AgentAnswer.Signed;
            (signature, why) = (null, "what it gave is no signature by this key");
            return AgentAnswer.CouldNot;
        }
        why = TextOf(answer, "reason") ?? "it did not say why";
        return TextOf(answer, "code") == "declined" ? AgentAnswer.Refused : AgentAnswer.CouldNot;
    }

    private static bool TryAskState(Session session, string what, out AgentState state, out string? why)
    {
        state = default;
        if (!TryExchange(session, AgentPlace.Of(session), JsonValue.Object([("op", JsonValue.Of(what))]), out var answer, out why))
            return false;
        why = TextOf(answer, "status") == "ok" ? null : TextOf(answer, "reason") ?? "it did not say why";
        if (why is not null || TextOf(answer, "key_id") is not { } id || !answer.TryGet("locked", out var locked) || locked.Kind != JsonKind.Boolean)
        {
            why ??= "its answer is not an agent's";
            return false;
        }
        state = new AgentState(id, locked.AsBoolean, answer.TryGet("locks_in", out var left) && left.TryGetInteger(out var seconds) ? seconds : null);
        return true;
    }

    private static bool TryExchange(Session session, string path, JsonValue request, [NotNullWhen(true)] out JsonValue? answer, out string? why)
    {
        (answer, why) = (null, null);
        if (!AgentPlace.IsShortEnough(path) || Posix.IsAbsent(path))
            return false;
        try
        {
            using UnixSocket socket = new(path, Limits.AgentTimeoutSeconds * SecondMilliseconds);
            if (socket.PeerUid != Posix.EffectiveUid)
            {
                why = $"another user's program listens on {path}";
                return false;
            }
            socket.Send([.. CanonicalJson.Write(request), (byte)'\n']);
            return TryReadAnswer(session, socket, out answer, out why);
        }
        catch (PosixException fault) when (fault.Errno is PosixException.ECONNREFUSED or PosixException.ENOENT)
        {
            return false;
        }
        catch (PosixException fault)
        {
            why = fault.Errno == PosixException.EAGAIN ? "it does not answer" : fault.Message;
            return false;
        }
    }

    /// <summary>Its answer; before it, perhaps, that it asks somebody, which takes longer.</summary>
    private static bool TryReadAnswer(Session session, UnixSocket socket, [NotNullWhen(true)] out JsonValue? answer, out string? why)
    {
        (answer, why) = (null, null);
        var buffer = new byte[Limits.MaxAgentAnswerBytes];
        var (start, end) = (0, 0);
        Deadline deadline = new(session.Terminal.Clock, TimeSpan.FromSeconds(Limits.AgentTimeoutSeconds));
        while (true)
        {
            var length = buffer.AsSpan(start, end - start).IndexOf((byte)'\n');
            if (length < 0)
            {
                var read = end < buffer.Length && deadline.LeftMilliseconds > 0 ? socket.Receive(buffer.AsSpan(end), deadline.LeftMilliseconds) : 0;
                end += read;
                if (read > 0)
                    continue;
                why = end < buffer.Length ? "it closed the connection, or does not answer" : "its answer is too long";
                return false;
            }
            if (!StrictJson.TryParse(buffer.AsSpan(start, length), out answer, out _) || answer.Kind != JsonKind.Object)
            {
                (answer, why) = (null, "its answer is not an agent's");
                return false;
            }
            if (TextOf(answer, "status") != "asking")
                return true;
            start += length + 1;
            session.Terminal.Note("The agent asks whether to sign it: answer at its terminal.");
            deadline = new Deadline(session.Terminal.Clock, TimeSpan.FromSeconds(Limits.AgentQuestionSeconds + Limits.AgentTimeoutSeconds));
        }
    }

    private static bool IsItsSignature(ProtectedKey key, ReadOnlySpan<byte> data, byte[] signature) =>
        WithoutLibsodium.IsInForce || (VerifyingKey.TryLoad(key.PublicRaw, out var verifying, out _) && verifying.Verify(data, signature));

    private static byte[]? Decoded(string? text)
    {
        var bytes = new byte[VerifyingKey.SignatureSizeBytes];
        return text is not null && Convert.TryFromBase64String(text, bytes, out var written) && written == bytes.Length ? bytes : null;
    }

    private static string? TextOf(JsonValue json, string name) => json.TryGet(name, out var value) && value.TryGetString(out var text) ? text : null;
}
