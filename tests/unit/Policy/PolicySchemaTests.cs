using System.Security.Cryptography;
using Qwamos.ControlBus.Policy;
using Xunit;
using static Qwamos.ControlBus.Tests.Policy.Changes;

namespace Qwamos.ControlBus.Tests.Policy;

public sealed class PolicySchemaTests
{
    private const string OnOff = "\"type\":\"string\",\"enum\":[\"on\",\"off\"],\"default\":\"on\"";

    /// <summary>The table of DESIGN section 5, the default first.</summary>
    public static TheoryData<string, string, string, string, string> Table => new()
    {
        { "RADIO_ISOLATION", "on, off", "Runtime", "gateway", "" },
        { "RADIO_HARDENING.level", "basic, strict", "Runtime", "gateway", "" },
        { "RADIO_IDLE_TIMEOUT_MIN", "integer 0-999", "Runtime", "gateway", "" },
        { "TOR_ISOLATION", "optional, off, mandatory", "Runtime", "gateway", "" },
        { "VPN_KILL_SWITCH", "off, on", "Runtime", "gateway", "" },
        { "CLIPBOARD_ISOLATION", "basic, off, strict", "Runtime", "ui", "" },
        { "DURESS.enabled", "false, true", "Runtime", "dom0", "confidential" },
        { "DURESS.gesture", "none, power-volup, power-volup-fingerprint, triple-power", "Runtime", "dom0", "confidential" },
        { "GHOST.trigger", "disarmed, armed, fire", "Runtime", "dom0", "event confidential irreversible" },
        { "BOOT_VERIFICATION", "warn, off, strict", "Reboot", "dom0", "" },
        { "KERNEL_HARDENING", "default, strict, paranoid", "Reboot", "dom0", "" },
        { "CRYPTO_BACKEND", "legacy, hybrid, post-quantum", "Reboot", "all", "" },
    };

    [Theory]
    [MemberData(nameof(Table))]
    public void Built_in_schema_is_the_table_of_the_design(string name, string values, string apply, string @class, string flags)
    {
        Assert.True(Schema.TryGet(name, out var key));
        Assert.Equal(values, key.ValuesInWords());
        Assert.Equal(name == "RADIO_IDLE_TIMEOUT_MIN" ? "10" : values.Split(',')[0], key.Default.ToLine());
        Assert.Equal(apply, key.Apply.ToString());
        Assert.Equal(@class, key.Class);
        string[] expected = [key.IsEvent ? "event" : "", key.IsConfidential ? "confidential" : "", key.IsIrreversible ? "irreversible" : ""];
        Assert.Equal(flags, string.Join(' ', expected.Where(flag => flag.Length > 0)));
        Assert.NotEmpty(key.Description);
    }

    [Fact]
    public void Built_in_schema_has_the_hash_of_its_file_and_the_counts_of_its_table()
    {
        var file = File.ReadAllBytes(Path.Combine(Repository.Root, "schemas", "policy.schema.json"));
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(file)), Schema.Hash);
        Assert.Equal("built in", Schema.Origin);
        Assert.Equal((9, 3), (Schema.RuntimeCount, Schema.RebootCount));
        Assert.Equal(Table.Select(row => row.Data.Item1), Schema.Keys.Select(key => key.Name));
        Assert.Equal(["gateway", "ui", "dom0", "all"], Schema.Classes);
    }

    [Fact]
    public void Documented_table_is_that_of_the_schema()
    {
        var rows = Schema.Keys.Select(key =>
        {
            string[] marks = [key.IsEvent ? "event" : "", key.IsConfidential ? "confidential" : "", key.IsIrreversible ? "irreversible" : ""];
            var shown = string.Join(", ", marks.Where(mark => mark.Length > 0));
            var values = key.ValuesInWords() + (key.Values.Count == 0 ? $" ({key.Default})" : "");
            return $"| `{key.Name}` | {values} | {(key.Apply == PolicyApply.Runtime ? "runtime" : "reboot")} | {key.Class} | {(shown.Length > 0 ? shown + " " : "")}|";
        });
        var documented = File.ReadAllLines(Path.Combine(Repository.Root, "docs", "formats", "policy.md"))
            .SkipWhile(line => line != "## The table").TakeWhile(line => line != "## The schema file")
            .Where(line => line.StartsWith("| `", StringComparison.Ordinal));
        Assert.Equal(rows, documented);
    }

    public static TheoryData<string, string> BadSchemas => new()
    {
        { "true", "\"type\": \"object\"" },
        { "{\"type\":\"object\",\"properties\":{}}", "additionalProperties" },
        { "{\"type\":\"object\",\"additionalProperties\":false}", "properties" },
        { SchemaOf(), "properties" },
        { SchemaOf(Key("A", OnOff)).Replace("\"type\":\"object\"", "\"type\":\"object\",\"required\":[\"A\"]", StringComparison.Ordinal), "refuses {}" },
        { SchemaOf(Key("A", OnOff)).Replace("\"type\":\"object\"", "\"type\":\"object\",\"x-qwamos\":{}", StringComparison.Ordinal), "x-qwamos" },
        { SchemaOf(Key("A", OnOff)).Replace("\"type\":\"object\"", "\"type\":\"object\",\"enum\":[{}]", StringComparison.Ordinal), "key by key" },
        { SchemaOf($"\"A\":{{{OnOff}}}"), "x-qwamos" },
        { SchemaOf(Key("A", OnOff).Replace(",\"event\":false", "", StringComparison.Ordinal)), "x-qwamos" },
        { SchemaOf(Key("A", OnOff).Replace("\"event\"", "\"events\"", StringComparison.Ordinal)), "x-qwamos" },
        { SchemaOf(Key("A", OnOff).Replace("\"event\":false", "\"event\":0", StringComparison.Ordinal)), "event must be true or false" },
        { SchemaOf(Key("A", OnOff, apply: "later")), "apply must be" },
        { SchemaOf(Key("A", OnOff, @class: "Gate way")), "class must be" },
        { SchemaOf(Key("A", OnOff, @class: "")), "class must be" },
        { SchemaOf(Key("A=B", OnOff)), "a name" },
        { SchemaOf(Key("A B", OnOff)), "a name" },
        { SchemaOf(Key("A\\n", OnOff)), "a name" },
        { SchemaOf(Key("../A", OnOff)), "a name" },
        { SchemaOf(Key("#A", OnOff)), "a name" },
        { SchemaOf(Key("-A", OnOff)), "a name" },
        { SchemaOf(Key("", OnOff)), "a name" },
        { SchemaOf(Key(new string('A', 49), OnOff)), "1 to 48 bytes" },
        { SchemaOf(Key("__proto__", OnOff)), "reserved" },
        { SchemaOf(Key("constructor", OnOff)), "reserved" },
        { SchemaOf(Key("Prototype", OnOff)), "reserved" },
        { SchemaOf(Key("ABC", OnOff), Key("abc", OnOff)), "in case only" },
        { SchemaOf([.. Enumerable.Range(0, 65).Select(i => Key($"K{i}", OnOff))]), "65 keys" },
        { SchemaOf(Key("A", "\"type\":\"string\",\"default\":\"x\"")), "maxLength" },
        { SchemaOf(Key("A", "\"type\":\"string\",\"maxLength\":65,\"default\":\"x\"")), "maxLength" },
        { SchemaOf(Key("A", "\"type\":\"string\",\"enum\":[\"on\"]")), "default" },
        { SchemaOf(Key("A", "\"type\":\"string\",\"enum\":[\"on\"],\"default\":\"off\"")), "default" },
        { SchemaOf(Key("A", "\"type\":\"string\",\"enum\":[\"on\"],\"default\":1")), "default" },
        { SchemaOf(Key("A", "\"type\":\"integer\",\"maximum\":5,\"default\":6")), "default" },
        { SchemaOf(Key("A", "\"type\":\"integer\",\"default\":null")), "default" },
        { SchemaOf(Key("A", "\"type\":\"string\",\"enum\":[],\"default\":\"x\"")), "empty" },
        { SchemaOf(Key("A", "\"type\":\"string\",\"enum\":[\"a\\nb\"],\"default\":\"a\\nb\"")), "control" },
        { SchemaOf(Key("A", "\"type\":\"string\",\"enum\":[\"a\",\"a\"],\"default\":\"a\"")), "twice" },
        { SchemaOf(Key("A", "\"type\":\"string\",\"enum\":[\"a\",1],\"default\":\"a\"")), "enum" },
        { SchemaOf(Key("A", "\"type\":\"integer\",\"minimum\":0.5,\"default\":1")), "integers" },
        { SchemaOf(Key("A", "\"type\":[\"string\",\"integer\"],\"enum\":[\"a\"],\"default\":\"a\"")), "one \"type\"" },
        { SchemaOf(Key("A", "\"type\":\"number\",\"default\":1")), "one \"type\"" },
        { SchemaOf(Key("A", "\"type\":\"object\",\"default\":{}")), "one \"type\"" },
        { SchemaOf(Key("A", "\"enum\":[\"a\"],\"default\":\"a\"")), "one \"type\"" },
        { SchemaOf(Key("A", OnOff, flags: "event")), "disarmed, armed, fire" },
        { SchemaOf(Key("A", "\"type\":\"string\",\"enum\":[\"disarmed\",\"armed\",\"fire\"],\"default\":\"disarmed\"", "reboot", flags: "event")), "never staged" },
        { SchemaOf(Key("A", "\"type\":\"string\",\"enum\":[\"disarmed\",\"armed\",\"fire\"],\"default\":\"armed\"", flags: "event")), "default" },
        { SchemaOf(Key("A", "\"type\":\"string\",\"enum\":[\"a\",\"fire\"],\"default\":\"a\"")), "reserved" },
        { SchemaOf(Key("A", OnOff + ",\"format\":\"x\"")), "\"format\" is a keyword" },
        { "{\"type\":\"object\",\"type\":\"object\"}", "" },
        { "{", "" },
    };

    [Theory]
    [MemberData(nameof(BadSchemas))]
    public void Schema_that_could_not_be_enforced_as_written_does_not_load(string text, string says)
    {
        Assert.False(PolicySchema.TryLoad(System.Text.Encoding.UTF8.GetBytes(text), out _, out var fault));
        Assert.NotEmpty(fault);
        Assert.Contains(says, fault, StringComparison.Ordinal);
    }

    [Fact]
    public void Schema_file_longer_than_65536_bytes_does_not_load()
    {
        var text = SchemaOf(Key("A", OnOff));
        Assert.True(PolicySchema.TryLoad(System.Text.Encoding.UTF8.GetBytes(text.PadRight(65_536)), out _, out _));
        Assert.False(PolicySchema.TryLoad(System.Text.Encoding.UTF8.GetBytes(text.PadRight(65_537)), out _, out _));
    }

    [Fact]
    public void Schema_of_64_keys_with_names_of_48_bytes_loads()
    {
        var schema = LoadSchema(SchemaOf([.. Enumerable.Range(10, 64).Select(i => Key(new string('K', 46) + i, OnOff))]));
        Assert.Equal(64, schema.Keys.Count);
    }

    [Fact]
    public void Ranges_and_texts_are_read()
    {
        var schema = LoadSchema(SchemaOf(
            Key("N", "\"type\":\"integer\",\"exclusiveMinimum\":-5,\"exclusiveMaximum\":5,\"default\":0"),
            Key("S", "\"type\":\"string\",\"maxLength\":8,\"pattern\":\"^[a-z]*$\",\"default\":\"\"")));
        Assert.Equal((-4L, 4L), (schema.Keys[0].Minimum, schema.Keys[0].Maximum));
        Assert.Equal("integer -4-4", schema.Keys[0].ValuesInWords());
        Assert.True(schema.Keys[1].Admits(PolicyValue.Of("abc")));
        Assert.False(schema.Keys[1].Admits(PolicyValue.Of("ABC")));
    }

    [Fact]
    public void Attack21_text_with_control_or_bidirectional_characters_is_no_value_whatever_the_schema_admits()
    {
        var schema = LoadSchema(SchemaOf(Key("S", "\"type\":\"string\",\"maxLength\":64,\"default\":\"\"")));
        foreach (var text in new[] { "a\\nKERNEL_HARDENING=default", "\\u001b[2J", "\\u0000", "\\u202e", "\\u2028", "fire" })
            Assert.Single(schema.Check(Parse($"{{\"S\":\"{text}\"}}")));
        foreach (var text in new[] { "-rf", "$(id)", "`id`; #=", "a b", "\u00e9" })
            Assert.Empty(schema.Check(Parse($"{{\"S\":\"{text}\"}}")));
    }

    [Fact]
    public void Check_gives_one_fault_a_key_and_all_at_once()
    {
        var faults = Schema.Check(Parse("""{"RADIO_ISOLATION":"offf","RADIO_IDLE_TIMEOUT_MIN":"5","TOR_ISOLATON":"off","X":1,"VPN_KILL_SWITCH":true}"""));
        Assert.Equal(
            [
                "RADIO_ISOLATION: must be one of on, off; did you mean off?",
                "RADIO_IDLE_TIMEOUT_MIN: must be integer 0-999 (a JSON integer, not a string)",
                "TOR_ISOLATON: is not a policy key; did you mean TOR_ISOLATION?",
                "X: is not a policy key",
                "VPN_KILL_SWITCH: must be one of off, on",
            ],
            faults.Select(fault => $"{fault.Key}: {fault.Reason}"));
        Assert.Single(Schema.Check(Parse("[]")));
    }

    [Fact]
    public void Empty_name_and_a_number_that_is_no_token_of_the_wire_are_faults()
        => Assert.Equal(
            ["an empty name is not a policy key", "must be integer 0-999, written without fraction and exponent"],
            Schema.Check(Parse("""{"":1,"RADIO_IDLE_TIMEOUT_MIN":5.0}""")).Select(fault => fault.Reason));

    [Theory]
    [InlineData("{\"DURESS.gesture\":\"power-volupp\"}")]
    [InlineData("{\"DURESS.gesture\":true}")]
    [InlineData("{\"DURESS.gesture\":7}")]
    public void Attack40_what_is_said_of_a_confidential_key_is_the_same_whatever_its_value(string policy)
        => Assert.Equal(
            "must be one of none, power-volup, power-volup-fingerprint, triple-power", Assert.Single(Schema.Check(Parse(policy))).Reason);
}
