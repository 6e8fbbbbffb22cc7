using Qwamos.Client.Auditing;
using Qwamos.Client.Unlocking;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Trust;

namespace Qwamos.Client.Trusting;

/// <summary>
/// <c>trust rotate</c>: a new key beside the old one, a version that lists both, the switch in the key home once every domain has it, and, when the last message of the
/// old key is too old to be taken, a version without that. Each step is told from what is in force and what the home holds, so that it goes on after an interruption
/// anywhere. The old key signs the first version, the new one the second.
/// </summary>
/// <param name="session">Where things are.</param>
/// <param name="terms">How.</param>
/// <param name="at">Told of each step before it; for tests, which stop there.</param>
internal sealed class Rotation(Session session, RotationTerms terms, Action<string> at)
{
    private readonly RotationHome _home = new(session);
    private readonly RotationVersions _versions = new(session, terms, at);

    public int Run() => _home.Guard(RunGuarded, "qwamosctl trust rotate");

    private int RunGuarded()
    {
        if (!RotationState.TryRead(session, out var state, out var failure) || !TrustSource.TryGet(session, out var trust, out failure))
            return session.Fail(failure);
        if (Refusal(trust, state) is { } refusal)
            return session.Fail(refusal);
        if (state is null)
        {
            if (terms.EverySeconds is { } every && !TryIsDue(trust, every, out var exit))
                return exit;
            SecretBytes? passphrase = null;
            try
            {
                return !TryBegin(trust, out state, out passphrase, out failure) ? session.Fail(failure)
                    : passphrase is null ? GoOn(trust, state)
                    : new Rotation(session with { Passphrase = PassphraseSource.Held(passphrase) }, terms, at).GoOn(trust, state);
            }
            finally
            {
                passphrase?.Dispose();
            }
        }
        return GoOn(trust, state);
    }

    private int GoOn(TrustInForce trust, RotationState state)
    {
        if (trust.Root.FindKey(state.New) is null)
        {
            if (trust.Root.HolderOf(state.Old) is not { } holder)
                return session.Fail(new Failure(ExitCode.Refused, $"neither the old key {state.Old} nor the new one counts in version {trust.Root.Version}", "See who can list yours: qwamosctl trust status"));
            if (!_home.Next.TryLoadPublic(out var added, out var fault))
                return session.Fail(new Failure(ExitCode.KeyProblem, $"the new key is gone: {fault}", "Begin anew: qwamosctl trust rotate --undo; then qwamosctl trust rotate"));
            if (!_versions.TryPut(ref trust, ref state, draft => draft with { Holders = [.. draft.Holders.Select(each => each.Name == holder ? new Holder(holder, [.. each.Keys, added]) : each)] }, "both", out var exit))
                return exit;
        }
        if (state.SwitchedSeconds is null)
        {
            if (!_versions.TryAwait(ref trust, out var failure))
                return session.Fail(failure);
            state = Switch(state);
        }
        if (Directory.Exists(_home.Next.Directory))
        {
            using var held = _home.Lock(state);
            RotationHome.Remove(_home.Next);
        }
        if (trust.Root.FindKey(state.Old) is not null)
        {
            AwaitOverlap(state.SwitchedSeconds!.Value);
            if (!_versions.TryPut(ref trust, ref state, draft => Without(draft, state.Old), "new", out var exit))
                return exit;
        }
        if (!_versions.TryAwait(ref trust, out var late))
            return session.Fail(late);
        at("done");
        using (_home.Lock(state))
            RotationState.Remove(session);
        return _versions.Finish(state.New, $"done: your key is {state.New}; the old one is kept in {_home.Archive(state.Old).Directory}, and signs nothing any more");
    }

    /// <summary>The same without a key of its holder, who has another.</summary>
    internal static RootDraft Without(RootDraft draft, KeyId key) =>
        draft with { Holders = [.. draft.Holders.Select(holder => new Holder(holder.Name, [.. holder.Keys.Where(each => each.Id != key)]))] };

    private Failure? Refusal(TrustInForce trust, RotationState? state) =>
        trust.Signed is null ? new Failure(ExitCode.Refused, "there is no trust root yet, and a key is replaced by its next version", "Draw up the first one: qwamosctl trust init")
        : Posix.IsAbsent(session.Paths.AnchorFile) ? new Failure(ExitCode.Refused, "no key is enrolled here: in this trial the key home's own is believed, and to replace it would replace that", "Enrol it first: qwamosctl key show says how")
        : state is { IsUndone: true } ? new Failure(ExitCode.Refused, "the replacement of this key is being taken back", "Finish that: qwamosctl trust rotate --undo")
        : null;

    private bool TryIsDue(TrustInForce trust, long every, out int exit)
    {
        exit = (int)ExitCode.Done;
        if (!_home.TryGetOwn(out var own, out _, out var failure) || !TrustSource.TryGetAll(session, trust, out var all, out failure))
        {
            exit = session.Fail(failure);
            return false;
        }
        var since = all.AsEnumerable().Reverse().TakeWhile(root => root.Root.FindKey(own) is not null).LastOrDefault()?.Root.CreatedSeconds;
        if (since is not { } created || session.Now - created >= every)
            return true;
        exit = _versions.Finish(own, $"not due: your key has been listed for {Duration.InWords(session.Now - created)}, since {AuditText.Time(created)}; it is replaced from {AuditText.Time(created + every)} on", isDone: false);
        return false;
    }

    /// <summary>
    /// Makes the new key and notes what is begun, both durable before anything is sent. The new one has the passphrase of the old, which is asked for once and signs with both.
    /// </summary>
    private bool TryBegin(TrustInForce trust, out RotationState state, out SecretBytes? passphrase, out Failure failure)
    {
        (state, passphrase) = (null!, null);
        if (!_home.TryGetOwn(out var own, out var isProtected, out failure))
            return false;
        if (trust.Root.HolderOf(own) is not { } holder)
            return No(new Failure(ExitCode.Refused, $"your key {own} is not one of version {trust.Root.Version} of the trust root, so there is nothing to replace", "Whose are: qwamosctl trust show; use its key home with --home DIR"), out failure);
        if (trust.Root.Keys.Count >= Limits.MaxActiveKeys)
            return No(new Failure(ExitCode.Refused, $"the trust root has {Limits.MaxActiveKeys} keys, and takes no other beside them", "Take one out first: qwamosctl trust remove NAME"), out failure);
        if (trust.Root.ExpiresSeconds < session.Now)
            return No(new Failure(ExitCode.Refused, "the trust root has expired", "Renew it first: qwamosctl trust renew"), out failure);
        if (trust.Root.Roles.Any(role => role.Name != Role.Root && role.Threshold > 1 && role.Holders.Contains(holder)))
            session.Terminal.Note("A change that waits for signers and has your old key's signature is refused (unknown_key) once that key is listed no more, and this program cannot know whether there is one: have such files sent first, or drawn up again.");
        using var held = _home.Lock(null);
        at("make");
        if (!_home.TryMakeNext(out var next, out var isNextProtected, out failure))
            return false;
        if (isProtected && !isNextProtected && !_home.TryProtectNext(out passphrase, out failure))
            return false;
        state = new RotationState(own, next, false, null, false);
        at("note");
        state.Write(session);
        return true;
    }

    /// <summary>The home has the old key before, and the new one after; in between, and after an interruption there, it is done again.</summary>
    private RotationState Switch(RotationState state)
    {
        using var held = _home.Lock(state);
        if (!state.IsSwitching)
        {
            at("archive");
            _home.Keep(state.Old);
            state = state with { IsSwitching = true };
            at("switching");
            state.Write(session);
        }
        at("take");
        _home.Take(_home.Next);
        state = state with { IsSwitching = false, SwitchedSeconds = session.Now };
        at("switched");
        state.Write(session);
        _versions.Say($"this key home signs with the new key {state.New} from now on");
        return state;
    }

    /// <summary>Until the last message that the old key signed is too old to be taken.</summary>
    private void AwaitOverlap(long switchedSeconds)
    {
        var end = Math.Min(switchedSeconds, session.Now) + Limits.RotationOverlapSeconds;
        if (end > session.Now)
            _versions.Say($"waiting until {AuditText.Time(end)}, when the last message of the old key is too old to be taken; interrupted, it goes on when it is run again");
        Progress progress = new(session.Terminal, "the old key's last messages grow too old");
        while (Math.Clamp(switchedSeconds + Limits.RotationOverlapSeconds - session.Now, 0, Limits.RotationOverlapSeconds) is var left and > 0)
        {
            progress.Show(Limits.RotationOverlapSeconds - left, Limits.RotationOverlapSeconds);
            Task.Delay(TimeSpan.FromSeconds(Math.Min(left, 1)), session.Terminal.Clock).Wait();
        }
        progress.End();
    }

    private static bool No(Failure why, out Failure failure)
    {
        failure = why;
        return false;
    }
}
