using System.Collections.Immutable;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Policy;
using Xunit;

namespace Qwamos.ControlBus.Tests.Policy;

/// <summary>The official JSON Schema test suite, draft-07: right on every test of what is supported, and a refusal to load for all else.</summary>
public sealed class JsonSchemaVectorTests
{
    private const int MaxVectorBytes = 1 << 20;
    private static readonly string[] Unsupported = ["allOf", "maxItems", "minItems", "patternProperties"];

    public static TheoryData<string> Files => [.. Vectors.NamesIn("json-schema-draft7").Where(name => name != "LICENSE")];

    [Theory]
    [MemberData(nameof(Files))]
    public void Every_test_has_the_result_that_the_suite_says(string file)
    {
        foreach (var group in GroupsOf(file))
        {
            var name = Text(group, "description");
            var isLoaded = JsonSchema.TryLoad(Member(group, "schema"), out var schema, out var fault);
            if (UnsupportedKeywordOf(group) is { } keyword)
            {
                Assert.False(isLoaded, name);
                Assert.Contains($"\"{keyword}\" is a keyword", fault, StringComparison.Ordinal);
                continue;
            }
            Assert.True(isLoaded, $"{name}: {fault}");
            foreach (var test in Member(group, "tests").Items)
                Assert.True(
                    Member(test, "valid").AsBoolean == (schema!.Validate(Member(test, "data")).Count == 0),
                    $"{file}: {name}: {Text(test, "description")}");
        }
    }

    [Fact]
    public void Suite_has_72_groups_of_which_68_load_with_274_tests_and_4_are_refused()
    {
        Vectors.Find("json-schema-draft7");
        var groups = Files.SelectMany(file => GroupsOf(file.Data)).ToList();
        Assert.Equal(72, groups.Count);
        Assert.Equal(4, groups.Count(group => UnsupportedKeywordOf(group) is not null));
        var loaded = groups.Where(group => JsonSchema.TryLoad(Member(group, "schema"), out _, out _)).ToList();
        Assert.Equal(68, loaded.Count);
        Assert.Equal(274, loaded.Sum(group => Member(group, "tests").Items.Length));
    }

    private static ImmutableArray<JsonValue> GroupsOf(string file)
    {
        var content = File.ReadAllBytes(Path.Combine(Vectors.Find("json-schema-draft7"), file));
        Assert.True(StrictJson.TryParse(content, out var groups, out var fault, MaxVectorBytes), fault);
        return groups.Items;
    }

    // The suite's subschemas stand in properties only, so their keywords are those one level down.
    private static string? UnsupportedKeywordOf(JsonValue group)
    {
        var text = Member(group, "schema").ToString();
        return Unsupported.Where(keyword => text.Contains($"\"{keyword}\":", StringComparison.Ordinal))
            .OrderBy(keyword => text.IndexOf($"\"{keyword}\":", StringComparison.Ordinal)).FirstOrDefault();
    }

    private static string Text(JsonValue json, string name) => Member(json, name).AsString;

    private static JsonValue Member(JsonValue json, string name)
    {
        Assert.True(json.TryGet(name, out var value), name);
        return value;
    }
}
