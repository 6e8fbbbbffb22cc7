using System.Globalization;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;

namespace Qwamos.ControlBus.Policy;

/// <summary>
/// The last checks of a verified <c>set_policy</c> and what it does (DESIGN sections 3 and 5): base_mismatch, superseded,
/// invalid_policy, mixed_domains, in this order. Pure: the one writer calls it with its own state, and tests with any.
/// </summary>
public static class PolicyRules
{
    private const int MaxNamesInReason = 6;

    /// <param name="schema">The table the change is judged by.</param>
    /// <param name="current">The state the change meets.</param>
    /// <param name="message">A verified <c>set_policy</c>.</param>
    /// <param name="scope">The authority, or the receiver that acts on its own class only.</param>
    /// <param name="index">The ledger index that the change's entry will have.</param>
    /// <param name="isBaseShown">A receiver was shown the values that <c>base</c> is the hash of, and took over what it lacked (<see cref="CatchUp"/>).</param>
    public static PolicyDecision Decide(PolicySchema schema, PolicyState current, Message message, DomainScope scope, long index, bool isBaseShown = false)
    {
        ArgumentNullException.ThrowIfNull(schema);
        ArgumentNullException.ThrowIfNull(current);
        ArgumentNullException.ThrowIfNull(message);
        ArgumentNullException.ThrowIfNull(scope);
        if (message is not { Command: Commands.SetPolicy, Args: { } args, Timestamp: { } timestamp })
            throw new ArgumentException("Only a signed set_policy can be decided.", nameof(message));
        var refusal = (isBaseShown ? null : CheckBase(schema, current, message, scope))
            ?? CheckOrder(schema, current, args, timestamp, scope)
            ?? CheckValues(schema, current, args, message.Mode, scope)
            ?? CheckDomains(schema, args);
        if (refusal is not null)
            return new PolicyDecision(refusal);
        var outcome = Sort(schema, current, args, message.Mode, scope);
        return new PolicyDecision(outcome, current.Accept(args, outcome, timestamp, index));
    }

    /// <summary>
    /// Compare-and-swap: why a change was not made from the policy that is here; null when it was, or does not say. A receiver knows what its own class had; what other classes
    /// have is the authority's to compare, and keys of class all may be staged at one place and in force at another.
    /// </summary>
    public static Refusal? CheckBase(PolicySchema schema, PolicyState current, Message message, DomainScope scope)
    {
        ArgumentNullException.ThrowIfNull(schema);
        ArgumentNullException.ThrowIfNull(current);
        ArgumentNullException.ThrowIfNull(message);
        ArgumentNullException.ThrowIfNull(scope);
        foreach (var (name, expected) in message.Base ?? new Dictionary<string, string>())
        {
            if (scope.IsReceiver && (name != scope.Class || scope.LeavesRebootKeys))
                continue;
            // A misspelt class has no values: its hash of nothing would hold for ever and guard nothing.
            if (!schema.HasClass(name))
                return new Refusal(ErrorCode.BaseMismatch, $"base names {Shorten(name)}, which is no class of the policy");
            if (current.BaseHash(schema, name) != expected)
                return new Refusal(
                    ErrorCode.BaseMismatch,
                    $"the policy of class {Shorten(name)} is not the one this change was made from: look at it again");
        }
        return null;
    }

    private static Refusal? CheckOrder(PolicySchema schema, PolicyState current, JsonValue args, long timestamp, DomainScope scope)
    {
        var faults = new List<Fault>();
        long behind = 0;
        foreach (var (name, _) in args.Members)
        {
            if (!current.LastTimestamps.TryGetValue(name, out var last) || last <= timestamp || !IsIn(schema, scope, name))
                continue;
            behind = Math.Max(behind, last - timestamp);
            faults.Add(new Fault(name, $"was named by a message signed {Seconds(last - timestamp)} later"));
        }
        return faults.Count == 0
            ? null
            : new Refusal(
                ErrorCode.Superseded,
                $"a newer message named {Names(faults.Select(fault => fault.Key))}: the sender's clock is {Seconds(behind)} behind, or another change was quicker",
                faults);
    }

    // The policy that would result. A schema judges key by key (PolicySchemaReader), and values that stand from an earlier one are not judged
    // again: so it is what the change names that is judged.
    private static Refusal? CheckValues(PolicySchema schema, PolicyState current, JsonValue args, ChangeMode mode, DomainScope scope)
    {
        var faults = schema.Check(args).Select(fault => fault with { Key = Shorten(fault.Key) }).ToList();
        foreach (var (name, value) in args.Members)
        {
            if (schema.TryGet(name, out var key) && key.IsEvent && PolicyValue.TryFrom(value, out var given) && EventValues.IsFire(given)
                && !MayFire(current, args, mode, isHere: scope.Includes(key), name))
                faults.Add(new Fault(name, PolicySchema.RuleOf(key)));
        }
        return faults.Count == 0
            ? null
            : new Refusal(ErrorCode.InvalidPolicy, $"the policy that would result is not valid: {Names(faults.Select(fault => fault.Key))}", faults);
    }

    // Alone, not staged, and while armed; a receiver of another class cannot know what is armed.
    private static bool MayFire(PolicyState current, JsonValue args, ChangeMode mode, bool isHere, string name)
        => args.Members.Length == 1 && mode != ChangeMode.Staged
            && (!isHere || (current.Policy.TryGetValue(name, out var applied) && applied.Value == PolicyValue.Of(EventValues.Armed)));

    private static Refusal? CheckDomains(PolicySchema schema, JsonValue args)
    {
        if (args.Members.Length == 1)
            return null;
        var groups = ChangeGroups.Split(args.Members.Select(pair => Known(schema, pair.Key)));
        return groups.Count == 1
            ? null
            : new Refusal(
                ErrorCode.MixedDomains,
                "confidential keys cannot be changed together with keys of another class: send "
                    + string.Join(" and ", groups.Select(group => Names(group.Select(key => key.Name)))) + " separately");
    }

    private static ChangeOutcome Sort(PolicySchema schema, PolicyState current, JsonValue args, ChangeMode mode, DomainScope scope)
    {
        List<string> applied = [], staged = [], unstaged = [];
        foreach (var (name, json) in args.Members)
        {
            var key = Known(schema, name);
            if (!PolicyValue.TryFrom(json, out var value))
                throw new InvalidOperationException($"The value of {name} passed the checks without being one.");
            if (!scope.Includes(key))
                continue;
            if (key.Apply == PolicyApply.Runtime && mode != ChangeMode.Staged)
                applied.Add(name);
            else if (!current.Policy.TryGetValue(name, out var now) || now.Value != value)
                staged.Add(name);
            else if (current.Staged.ContainsKey(name))
                unstaged.Add(name);
        }
        return new ChangeOutcome(applied, staged, unstaged);
    }

    private static PolicyKey Known(PolicySchema schema, string name)
        => schema.TryGet(name, out var key) ? key : throw new InvalidOperationException($"{name} passed the checks without being a policy key.");

    private static bool IsIn(PolicySchema schema, DomainScope scope, string name)
        => !scope.IsReceiver || (schema.TryGet(name, out var key) && scope.Includes(key));

    // A reason stands in the leaf beside an envelope that may have its full length, so it is bounded whatever the message names.
    private static string Names(IEnumerable<string> names)
    {
        var all = names.Distinct(StringComparer.Ordinal).ToList();
        var shown = string.Join(", ", all.Take(MaxNamesInReason).Select(Shorten));
        return all.Count > MaxNamesInReason ? $"{shown} and {all.Count - MaxNamesInReason} more" : shown;
    }

    // Only names that are no policy keys are longer.
    private static string Shorten(string name)
        => name.Length > Limits.MaxPolicyKeyNameBytes ? name[..Limits.MaxPolicyKeyNameBytes] + "..." : name;

    private static string Seconds(long seconds) => seconds == 1 ? "1 second" : $"{seconds.ToString(CultureInfo.InvariantCulture)} seconds";
}
