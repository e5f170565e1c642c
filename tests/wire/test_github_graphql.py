"""GraphQL through PyGithub: the list query, one pull request, mutations, and GitHub's way to say no."""

from __future__ import annotations

import pytest
from github import GithubException, UnknownObjectException
from github_lab import close_lab, open_lab, refusal

OPEN_PULL_REQUESTS = """
query OpsOpenPullRequests($owner: String!, $name: String!, $first: Int = 25, $after: String) {
  rateLimit { limit cost nodeCount remaining used resetAt }
  viewer { login }
  repository(owner: $owner, name: $name) {
    id nameWithOwner viewerPermission
    defaultBranchRef {
      name target { oid }
      branchProtectionRule { pattern requiresApprovingReviews requiredApprovingReviewCount requiresCodeOwnerReviews dismissesStaleReviews requiresStatusChecks requiredStatusCheckContexts isAdminEnforced }
      rules(first: 20) { nodes { type parameters { __typename
        ... on PullRequestParameters { requiredApprovingReviewCount requireCodeOwnerReview dismissStaleReviewsOnPush requireLastPushApproval requiredReviewThreadResolution allowedMergeMethods }
        ... on RequiredStatusChecksParameters { strictRequiredStatusChecksPolicy requiredStatusChecks { context integrationId } } } } }
    }
    pullRequests(states: [OPEN], first: $first, after: $after, orderBy: {field: UPDATED_AT, direction: DESC}) {
      totalCount
      pageInfo { hasNextPage endCursor startCursor hasPreviousPage }
      nodes {
        id number title url isDraft createdAt updatedAt
        author { __typename login avatarUrl }
        baseRefName baseRefOid headRefName headRefOid isCrossRepository
        mergeable mergeStateStatus reviewDecision
        viewerDidAuthor viewerCanUpdate viewerCanMergeAsAdmin
        additions deletions changedFiles
        labels(first: 10) { nodes { name color } }
        reviewRequests(first: 10) { nodes { asCodeOwner requestedReviewer { __typename ... on User { login } ... on Team { slug } } } }
        latestReviews(first: 10) { nodes { author { login } state submittedAt commit { oid } authorCanPushToRepository } }
        latestOpinionatedReviews(first: 10) { nodes { author { login } state submittedAt commit { oid } } }
        reviewThreads(first: 50) { totalCount nodes { isResolved } }
        files(first: 50) { totalCount nodes { path additions deletions changeType } }
        statusCheckRollup {
          state
          contexts(first: 30) {
            totalCount checkRunCount statusContextCount
            checkRunCountsByState { state count }
            nodes {
              __typename
              ... on CheckRun {
                databaseId name status conclusion startedAt completedAt detailsUrl title summary
                checkSuite { app { slug } workflowRun { databaseId url workflow { name } } }
              }
              ... on StatusContext {
                context state description targetUrl createdAt
                creator { login }
              }
            }
          }
        }
      }
    }
  }
}
"""  # noqa: E501  # the query as the facts have it
ONE_PULL_REQUEST = """
query($owner: String!, $name: String!, $number: Int!) {
  repository(owner: $owner, name: $name) { pullRequest(number: $number) {
    id number body state merged mergedAt reviewDecision
    mergeCommit { oid messageHeadline }
    comments(first: 5) { nodes { body author { login } } }
    commits(last: 1) { nodes { commit { oid message author { user { login } } } } }
    files(first: 5) { nodes { path changeType } }
    statusCheckRollup { contexts(first: 5) { nodes { ... on CheckRun { name isRequired(pullRequestNumber: $number) } } } }
  } }
}
"""  # noqa: E501


@pytest.fixture(scope="module")
def lab(sandbox, tmp_path_factory):
    opened = open_lab(sandbox, tmp_path_factory.mktemp("graphql"))
    opened.start()
    opened.protect()
    yield opened
    close_lab(opened)


def ask(lab, query, login="lead", **variables):
    requester = lab.api(login).requester
    _, answer = requester.graphql_query(query, {"owner": "hospital", "name": lab.name, **variables})
    return answer["data"]


def test_the_list_query_says_what_rest_says(lab):
    _, pull = lab.feature("listed")
    head = pull.head.sha
    lab.check(head, name="unit-tests")
    lab.actions().create_check_run("quality-gate", head, status="in_progress")
    lab.repo("scientist").get_commit(head).create_status("pending", context="legacy", description="waits")
    lab.approve("lead", pull.number)
    pull.add_to_labels("model")

    data = ask(lab, OPEN_PULL_REQUESTS, first=25)
    assert data["viewer"] == {"login": "lead"}
    assert (data["rateLimit"]["cost"], data["rateLimit"]["nodeCount"]) == (2, 4295)
    rules = {rule["type"]: rule["parameters"] for rule in data["repository"]["defaultBranchRef"]["rules"]["nodes"]}
    assert rules["REQUIRED_STATUS_CHECKS"]["requiredStatusChecks"] == [
        {"context": "quality-gate", "integrationId": 15368}
    ]
    assert rules["PULL_REQUEST"]["allowedMergeMethods"] == ["SQUASH"]
    (node,) = (n for n in data["repository"]["pullRequests"]["nodes"] if n["number"] == pull.number)
    assert (node["mergeable"], node["mergeStateStatus"], node["reviewDecision"]) == ("MERGEABLE", "BLOCKED", "APPROVED")
    assert (node["author"]["login"], node["viewerDidAuthor"]) == ("scientist", False)
    assert node["files"]["nodes"] == [
        {"path": "training/params.toml", "additions": 1, "deletions": 1, "changeType": "MODIFIED"}
    ]
    opinion = node["latestOpinionatedReviews"]["nodes"][0]
    assert (opinion["author"], opinion["state"], opinion["commit"]) == ({"login": "lead"}, "APPROVED", {"oid": head})
    assert [request["requestedReviewer"]["login"] for request in node["reviewRequests"]["nodes"]] == ["deputy"]
    assert node["labels"]["nodes"] == [{"name": "model", "color": "ededed"}]
    contexts = node["statusCheckRollup"]["contexts"]
    assert (contexts["checkRunCount"], contexts["statusContextCount"]) == (2, 1)
    assert {c.get("name") or c["context"]: c.get("conclusion") or c.get("state") for c in contexts["nodes"]} == {
        "unit-tests": "SUCCESS",
        "quality-gate": None,
        "legacy": "PENDING",
    }
    rest = lab.repo("lead").get_pull(pull.number)
    assert (rest.additions, rest.deletions, rest.changed_files) == (
        node["additions"],
        node["deletions"],
        node["changedFiles"],
    )
    assert rest.mergeable_state.upper() == node["mergeStateStatus"]


def test_pages_follow_one_another(lab):
    wanted = {lab.feature(f"page-{number}", {f"page-{number}.txt": "x\n"})[1].number for number in range(3)}
    seen, after = [], None
    while True:
        page = ask(lab, OPEN_PULL_REQUESTS, first=2, after=after)["repository"]["pullRequests"]
        seen += [node["number"] for node in page["nodes"]]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    assert wanted <= set(seen)
    assert len(seen) == len(set(seen)) == page["totalCount"]


def test_a_review_and_a_merge_by_mutation(lab):
    _, pull = lab.feature("by-mutation", {"mutation.txt": "one\ntwo\n"}, "By mutation")
    head = pull.head.sha
    lab.check(head)
    pull.create_issue_comment("Please look")
    node = ask(lab, ONE_PULL_REQUEST, number=pull.number)["repository"]["pullRequest"]
    assert node["comments"]["nodes"] == [{"body": "Please look", "author": {"login": "scientist"}}]
    assert node["statusCheckRollup"]["contexts"]["nodes"] == [{"name": "quality-gate", "isRequired": True}]
    assert node["commits"]["nodes"][0]["commit"] == {
        "oid": head,
        "message": "By mutation",
        "author": {"user": {"login": "scientist"}},
    }
    review = """mutation($id: ID!, $sha: GitObjectID!, $event: PullRequestReviewEvent) {
      addPullRequestReview(input: {pullRequestId: $id, commitOID: $sha, event: $event, body: "Fine",
        threads: [{path: "mutation.txt", line: 2, side: RIGHT, body: "Nice"}]}) {
        pullRequestReview { state author { login } } } }"""
    with pytest.raises(GithubException) as refused:
        ask(lab, review, login="scientist", id=node["id"], sha=head, event="APPROVE")
    assert refused.value.data["errors"][0]["message"] == "Can not approve your own pull request"
    assert refused.value.data["errors"][0]["type"] == "UNPROCESSABLE"
    answer = ask(lab, review, id=node["id"], sha=head, event="APPROVE")
    assert answer["addPullRequestReview"]["pullRequestReview"] == {"state": "APPROVED", "author": {"login": "lead"}}

    merge = """mutation($id: ID!, $sha: GitObjectID!) { mergePullRequest(input: {pullRequestId: $id,
        expectedHeadOid: $sha, mergeMethod: SQUASH}) {
        pullRequest { state merged mergeCommit { messageHeadline } } } }"""
    with pytest.raises(GithubException) as refused:
        ask(lab, merge, id=node["id"], sha=head)
    assert "A conversation must be resolved" in refused.value.data["errors"][0]["message"]
    threads = (
        """query($id: ID!) { node(id: $id) { ... on PullRequest { reviewThreads(first: 5) { nodes { id } } } } }"""
    )
    (thread,) = ask(lab, threads, id=node["id"])["node"]["reviewThreads"]["nodes"]
    ask(lab, "mutation($id: ID!) { resolveReviewThread(input: {threadId: $id}) { thread { id } } }", id=thread["id"])
    merged = ask(lab, merge, id=node["id"], sha=head)["mergePullRequest"]["pullRequest"]
    assert (merged["state"], merged["merged"]) == ("MERGED", True)
    assert merged["mergeCommit"] == {"messageHeadline": f"By mutation (#{pull.number})"}
    recent = """query($owner: String!, $name: String!) { repository(owner: $owner, name: $name) {
        pullRequests(states: [MERGED], last: 1) { nodes { number mergedBy { login } } } } }"""
    assert ask(lab, recent)["repository"]["pullRequests"]["nodes"] == [
        {"number": pull.number, "mergedBy": {"login": "lead"}}
    ]


def test_what_the_subset_does_not_have_is_githubs_undefined_field(lab):
    query = "query($owner: String!, $name: String!) { repository(owner: $owner, name: $name) { id shoeSize } }"
    error = refusal(lab.api("lead").requester.graphql_query, query, {"owner": "hospital", "name": lab.name})
    (problem,) = error.data["errors"]
    assert problem["message"] == "Field 'shoeSize' doesn't exist on type 'Repository'"
    assert problem["extensions"] == {"code": "undefinedField", "typeName": "Repository", "fieldName": "shoeSize"}
    assert problem["path"] == ["query", "repository", "shoeSize"]


def test_what_nobody_may_see_does_not_exist(lab):
    query = 'query { repository(owner: "hospital", name: "missing") { id } }'
    with pytest.raises(UnknownObjectException) as missing:
        lab.api("lead").requester.graphql_query(query, {})
    assert missing.value.data["errors"][0]["type"] == "NOT_FOUND"
    assert "Could not resolve to a Repository with the name 'hospital/missing'." in str(missing.value)


def test_a_connection_wants_a_bound_and_a_query_wants_to_parse(lab):
    unbound = """query($owner: String!, $name: String!) { repository(owner: $owner, name: $name) {
        pullRequests { totalCount } } }"""
    error = refusal(lab.api("lead").requester.graphql_query, unbound, {"owner": "hospital", "name": lab.name})
    assert "You must provide a `first` or `last` value" in error.data["errors"][0]["message"]
    error = refusal(lab.api("lead").requester.graphql_query, "query { repository(", {})
    assert error.data["errors"][0]["locations"] == [{"line": 1, "column": 20}]
