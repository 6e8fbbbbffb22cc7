
namespace Qwamos.Client.Trusting;

/// <summary>
/// <c>trust rotate --undo</c>, while the old key is listed still: the home gets it back first, then a version without the new one comes into force. Goes on after an
/// interruption as the replacement does.
/// </summary>
/// <param name="session">Where things are.</param>
/// <param name="terms">How.</param>
/// <param name="at">Told of each step before it.</param>
internal sealed class RotationUndoing(Session session, RotationTerms terms, Action<string> at)
{
    private readonly RotationHome _home = new(session);
    private readonly RotationVersions _versions = new(session, terms, at);

    public int Run() => _home.Guard(RunGuarded, "qwamosctl trust rotate --undo");

    private int RunGuarded()
    {
        if (!RotationState.TryRead(session, out var state, out var failure))
            return session.Fail(failure);
        if (state is null)
        {
            // A key that was made and never noted is listed nowhere.
            using var held = _home.Lock(null);
            RotationHome.Remove(_home.Next);
            return session.Fail(new Failure(ExitCode.Refused, "no key is being replaced: there is nothing to undo", "A replacement that is done is undone by another one: qwamosctl trust rotate"));
        }
        if (!TrustSource.TryGet(session, out var trust, out failure))
            return session.Fail(failure);
        if (trust.Root.FindKey(state.Old) is null)
            return session.Fail(new Failure(ExitCode.Refused, $"version {trust.Root.Version} does not list the old key {state.Old} any more", "Finish the replacement: qwamosctl trust rotate"));
        if (!state.IsUndone)
        {
            using var held = _home.Lock(state);
            state = state with { IsUndone = true };
            at("undo");
            state.Write(session);
        }
        if (state.IsSwitching || state.SwitchedSeconds is not null)
        {
            using var held = _home.Lock(state);
            at("take back");
            _home.Take(_home.Archive(state.Old));
        }
        if (trust.Root.FindKey(state.New) is not null
            && !_versions.TryPut(ref trust, ref state, draft => Rotation.Without(draft, state.New), "old", out var exit))
            return exit;
        if (!_versions.TryAwait(ref trust, out failure))
            return session.Fail(failure with { Mend = "See why: qwamosctl status; then go on: qwamosctl trust rotate --undo" });
        var withdrawn = _versions.Withdraw(trust, state);
        if (!RotationState.TryRead(session, out var noted, out failure))
            return session.Fail(failure);
        state = noted ?? state;
        using (_home.Lock(state))
        {
            at("forget");
            // First that the home has the old key for good; then its copy, while the note has an interrupted run come back for what is left.
            state = state with { IsSwitching = false, SwitchedSeconds = null };
            state.Write(session);
            at("unarchive");
            RotationHome.Remove(_home.Archive(state.Old));
            RotationHome.Remove(_home.Next);
            at("unnote");
            RotationState.Remove(session);
        }
        var line = $"undone: your key is {state.Old} as before, and the new one is gone";
        return _versions.Finish(state.Old, withdrawn is null ? line : $"{line}; {withdrawn}");
    }
}
