using System.Globalization;
using Qwamos.Client.Auditing;
using Qwamos.Client.Showing;
using Qwamos.Client.Talking;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Trust;
using Qwamos.ControlBus.Verification;

namespace Qwamos.Client.Trusting;

/// <summary>The versions of the trust root that the replacement of a key needs: drawn up, signed, sent where that is enough, and waited for in every domain.</summary>
internal sealed class RotationVersions(Session session, RotationTerms terms, Action<string> at)
{
    private const UnixFileMode FileMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    private const int MostNames = 8;

    private readonly RotationHome _home = new(session);

    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Brings the next version into force. False, with the exit status, when that failed, or when others must sign first: then it waits in a file, which is taken up
    /// again, with what they signed, when this is run again.
    /// </summary>
    /// <param name="trust">In force; afterwards the new one.</param>
    /// <param name="state">What is noted; afterwards without the file of a version that is in force.</param>
    /// <param name="edit">What it says otherwise.</param>
    /// <param name="keys">Which keys it lists, for the steps' names.</param>
    /// <param name="exit">The exit status where it is not in force.</param>
    public bool TryPut(ref TrustInForce trust, ref RotationState state, Func<RootDraft, RootDraft> edit, string keys, out int exit)
    {
        exit = (int)ExitCode.Refused;
        state = Settled(trust, state);
        var file = FileOf(state);
        if (!session.TryLoadSchema(out var schema, out var failure) || !RootDraft.TryAfter(session, trust, schema, out var draft, out failure) || !edit(draft).TryBuild(out var root, out failure))
        {
            exit = session.Fail(failure);
            return false;
        }
        if (!TryFindWaiting(file, trust, state, root, out var waiting, out failure))
        {
            exit = session.Fail(failure);
            return false;
        }
        root = waiting ?? root;
        foreach (var line in waiting is null ? RootDiff.Of(trust.Root, root.Root) : [])
            Say($"version {root.Root.Version}: {line}");
        if (waiting is null && !terms.IsConfirmed && session.Terminal.Confirm("Sign this? Type yes: ") is not true)
        {
            exit = session.Fail(new Failure(ExitCode.Refused, "nothing was signed and nothing was sent", "Take it back: qwamosctl trust rotate --undo"));
            return false;
        }
        if (!RootEnding.TrySign(session, trust, ref root, out failure))
        {
            exit = session.Fail(failure);
            return false;
        }
        if (RootChain.Missing(trust.Root, root) is { Count: > 0 } missing)
        {
            exit = WaitInFile(file, state, root, missing);
            return false;
        }
        // A person may have thought for long.
        _home.Lock(state).Dispose();
        at($"send {keys}");
        if (!RootEnding.TrySend(session, trust, root, out var answer, out failure))
        {
            exit = session.Fail(failure);
            return false;
        }
        if (!answer.IsOk)
        {
            RefusalReport.ShowRoot(session, answer, root, null);
            return false;
        }
        at($"sent {keys}");
        if (file is not null)
            DurableFile.Remove(file);
        Say(string.Create(CultureInfo.InvariantCulture, $"version {root.Root.Version} of the trust root is in force here, recorded as entry {answer.Index}"));
        trust = trust with { Root = root.Root, Signed = root };
        return true;
    }

    /// <summary>Until every domain has the version in force.</summary>
    public bool TryAwait(ref TrustInForce trust, out Failure failure)
    {
        failure = null!;
        Progress progress = new(session.Terminal, "domains that have it");
        Deadline deadline = new(session.Terminal.Clock, TimeSpan.FromSeconds(terms.TimeoutSeconds));
        var isSaid = false;
        at("await");
        try
        {
            while (true)
            {
                if (!TrustSource.TryGet(session, out trust, out failure))
                    return false;
                var version = trust.Root.Version;
                var domains = DomainTrust.Of(trust);
                var late = domains.Where(domain => domain.Version is not { } has || has < version).ToList();
                if (late.Count == 0)
                    return true;
                if (deadline.LeftMilliseconds == 0)
                {
                    failure = new Failure(
                        ExitCode.Refused, $"version {version} of the trust root has not reached {RootText.Names(late.Select(domain => domain.Name))}; nothing is lost",
                        "See why: qwamosctl status; then go on: qwamosctl trust rotate");
                    return false;
                }
                if (!isSaid)
                    Say($"waiting until {(late.Count > MostNames ? $"{late.Count} domains" : RootText.Names(late.Select(domain => domain.Name)))} {(late.Count == 1 ? "has" : "have")} version {version}; interrupted, it goes on when it is run again");
                isSaid = true;
                progress.Show(domains.Count - late.Count, domains.Count);
                Task.Delay(Pause, session.Terminal.Clock).Wait();
            }
        }
        finally
        {
            progress.End();
        }
    }

    /// <summary>A step, for whoever looks.</summary>
    public void Say(string line)
    {
        if (session.Json)
            session.Terminal.Note(SafeText.ForTerminal(line));
        else
            session.Terminal.Print(SafeText.ForTerminal(line) + "\n");
    }

    /// <summary>The end.</summary>
    public int Finish(KeyId key, string line, bool isDone = true)
    {
        session.Terminal.Print(session.Json
            ? JsonPrinter.Print(JsonValue.Object([("status", JsonValue.Of("ok")), ("done", JsonValue.Of(isDone)), ("key_id", JsonValue.Of(key.ToString())), ("message", JsonValue.Shown(line))])) + "\n"
            : SafeText.ForTerminal(line) + "\n");
        return (int)ExitCode.Done;
    }

    /// <summary>
    /// The file that waits, when it says the same about holders, roles and revocations and could be in force yet. Only the document that was shown and written here: false
    /// for another in its place, which whoever may write there would have signed unseen.
    /// </summary>
    private bool TryFindWaiting(string? file, TrustInForce trust, RotationState state, SignedRoot wanted, out SignedRoot? found, out Failure failure)
    {
        (found, failure) = (null, null!);
        if (file is null)
            return true;
        if (!WaitingFile.TryRead(session, file, out var waiting, out failure))
            return false;
        if (waiting.Root is not { } root || root.Root.Hash != state.Waiting)
        {
            failure = new Failure(
                ExitCode.Refused, $"{file} is not the version that was written there for others to sign, and is not signed", $"Find out who put it there, and move it away: mv {SafePath.Quote(file)} {SafePath.Quote(file + ".old")}; then go on: qwamosctl trust rotate");
            return false;
        }
        var refusal = RootChain.Refusal(trust.Root, root, trust.SystemId, session.Now);
        found = (refusal is null || refusal.Code == ErrorCode.NotAuthorised) && RootDiff.SaysSame(wanted.Root, root.Root) ? root : null;
        return true;
    }

    /// <summary>Removes the version that waited and is not wanted any more; what to do about copies that others have, or null where none waited.</summary>
    /// <exception cref="IOException">It cannot be removed.</exception>
    public string? Withdraw(TrustInForce trust, RotationState state)
    {
        state = Settled(trust, state);
        if (state.Waiting is null)
            return null;
        if (FileOf(state) is { } file && IsOurs(file, state, out _))
            DurableFile.Remove(file);
        return Withdrawn(state);
    }

    private static string Withdrawn(RotationState state) =>
        $"withdrawn: the version that was written for others to sign, SHA-256 {state.Waiting}; have copies of it thrown away: signed and sent, it would still be taken as the next one, and no more once another next one is in force";

    /// <summary>The file that waits, or is to be written over; null where there is none.</summary>
    private string? FileOf(RotationState state) => new[] { Named, state.WaitingFile }.FirstOrDefault(path => path is not null && !Posix.IsAbsent(path));

    /// <summary>The place that the user named; null where none was.</summary>
    private string? Named => terms.File is { } file ? Path.GetFullPath(file) : null;

    private bool IsOurs(string file, RotationState state, out SignedRoot? root)
    {
        root = WaitingFile.TryRead(session, file, out var waiting, out _) && waiting.Root is { } found && found.Root.Hash == state.Waiting ? found : null;
        return root is not null;
    }

    /// <summary>Without the note, and the file, of a version that is in force by now, or whose number another one has. What waits still stays.</summary>
    private RotationState Settled(TrustInForce trust, RotationState state)
    {
        if (state.Waiting is null || state.WaitingVersion > trust.Root.Version)
            return state;
        var file = FileOf(state);
        var isOurs = file is not null && IsOurs(file, state, out _);
        using (_home.Lock(state))
        {
            state = state with { Waiting = null, WaitingVersion = 0, WaitingFile = null };
            state.Write(session);
            if (isOurs)
                DurableFile.Remove(file!);
        }
        return state;
    }

    private int WaitInFile(string? file, RotationState state, SignedRoot root, IReadOnlyList<MissingSigners> missing)
    {
        at("write");
        // Where the others can read it: nobody else enters the key home.
        file ??= Named ?? Path.GetFullPath(RootEnding.FreeName(root.Root.Version));
        if (OutputPlace.Fault(file) is { } place)
            return session.Fail(place with { Mend = $"Name another place: qwamosctl trust rotate --out FILE" });
        if (state.Waiting is not null && state.Waiting != root.Root.Hash)
            Say(Withdrawn(state));
        using (_home.Lock(state))
        {
            var isOurs = IsOurs(file, state, out var now);
            var isSame = isOurs && now!.Root.Hash == root.Root.Hash;
            // Killed in between, there is none, and the next run draws it up again.
            if (isOurs && !isSame)
                DurableFile.Remove(file);
            (state with { Waiting = root.Root.Hash, WaitingVersion = root.Root.Version, WaitingFile = file }).Write(session);
            // What others signed in it meanwhile stays.
            if (isSame)
                DurableFile.Replace(file, RootEnding.Content(root = root.With(now!.Signatures)), FileMode);
            else if (!DurableFile.CreateNew(file, RootEnding.Content(root), FileMode))
                return session.Fail(RootEnding.PlaceFault(file) ?? new Failure(ExitCode.Refused, $"{file} cannot be written"));
        }
        session.Terminal.Print(session.Json
            ? JsonPrinter.Print(JsonValue.Object([("status", JsonValue.Of("ok")), ("done", JsonValue.False), ("file", JsonValue.Of(file)), ("missing", JsonValue.Array(missing.Select(item => item.ToJson())))])) + "\n"
            : session.Placed(RootEnding.Waiting(file, missing) + "and then go on: qwamosctl trust rotate" + (state.IsUndone ? " --undo\n" : "\n"))!);
        return (int)ExitCode.Done;
    }
}
