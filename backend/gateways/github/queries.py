"""The GraphQL documents, written against GitHub's public schema."""

from __future__ import annotations

PAGE = 25
"""Rows a page: 100 open pull requests are 4 calls of 2 points, and each stays far from the resource limit."""
GLANCE = 100
"""Pull requests a page of a glance, GitHub's most."""

PULL_FIELDS = """
fragment Row on PullRequest {
  id number title url isDraft createdAt updatedAt state
  author { login }
  baseRefName baseRefOid headRefName headRefOid isCrossRepository headRepositoryOwner { login }
  mergeable mergeStateStatus
  additions deletions changedFiles
  latestOpinionatedReviews(first: 20) {
    nodes { author { login } state submittedAt body authorCanPushToRepository commit { oid } }
  }
  reviewThreads(first: 100) { nodes { isResolved } }
  files(first: 100) { nodes { path } }
  commits(last: 1) { nodes { commit { committedDate author { user { login } } } } }
  statusCheckRollup {
    state
    contexts(first: 50) {
      nodes {
        __typename
        ... on CheckRun {
          databaseId name status conclusion startedAt completedAt detailsUrl title summary externalId
          checkSuite { workflowRun { databaseId } }
        }
        ... on StatusContext { context state description targetUrl createdAt }
      }
    }
  }
}
"""

RULES = """
      name
      branchProtectionRule {
        requiresApprovingReviews requiredApprovingReviewCount requiresCodeOwnerReviews requiresStatusChecks
        requiredStatusCheckContexts requiresStrictStatusChecks requiresConversationResolution
      }
      rules(first: 50) {
        nodes { type parameters { __typename
          ... on PullRequestParameters {
            requiredApprovingReviewCount requireCodeOwnerReview requireLastPushApproval requiredReviewThreadResolution
          }
          ... on RequiredStatusChecksParameters {
            strictRequiredStatusChecksPolicy requiredStatusChecks { context }
          }
        } }
      }
"""
"""Effective rules of a branch: every active ruleset's, the organisation's included, and the older protection."""

BASE = (
    """
    defaultBranchRef {"""
    + RULES
    + """    }
    owners1: object(expression: "HEAD:.github/CODEOWNERS") { ... on Blob { text } }
    owners2: object(expression: "HEAD:CODEOWNERS") { ... on Blob { text } }
    owners3: object(expression: "HEAD:docs/CODEOWNERS") { ... on Blob { text } }
"""
)
"""What every merge into the default branch is judged by; CODEOWNERS from the three places, in GitHub's order."""

LIMIT = "rateLimit { limit cost remaining resetAt }"

OPEN_PULLS = (
    "query OpsOpenPullRequests($owner: String!, $name: String!, $first: Int!, $after: String) {\n  "
    + LIMIT
    + """
  repository(owner: $owner, name: $name) {"""
    + BASE
    + """
    pullRequests(states: [OPEN], first: $first, after: $after, orderBy: {field: CREATED_AT, direction: ASC}) {
      totalCount
      pageInfo { hasNextPage endCursor }
      nodes { ...Row }
    }
  }
}
"""
    + PULL_FIELDS
)
"""A page of 25 costs round((1 + 5 x 25) / 100) = 1 point for its rows and at most one for the rules.

The oldest come first: what is opened, closed or touched meanwhile moves nothing from one page to another.
"""

ONE_PULL = (
    "query OpsPullRequest($owner: String!, $name: String!, $number: Int!) {\n  "
    + LIMIT
    + """
  repository(owner: $owner, name: $name) {"""
    + BASE
    + """
    pullRequest(number: $number) {
      ...Row body mergeCommit { oid } mergedBy { login }
      baseRef {"""
    + RULES
    + """      }
      latest: commits(last: 100) {
        totalCount
        nodes {
          commit {
            oid message messageHeadline committedDate parents(first: 2) { totalCount }
            author { name email user { login } }
          }
        }
      }
      reviews(last: 50) {
        nodes { author { login } state submittedAt body authorCanPushToRepository commit { oid } }
      }
      reviewThreads(first: 100) {
        nodes {
          isResolved isOutdated path line
          comments(first: 20) { nodes { author { login } createdAt body url } }
        }
      }
      statusCheckRollup { contexts(first: 50) { nodes { ... on CheckRun { text } } } }
    }
  }
}
"""
    + PULL_FIELDS
)


SOME_ROWS = (
    "query OpsRows($owner: String!, $name: String!, $ids: [ID!]!) {\n  "
    + LIMIT
    + "\n  repository(owner: $owner, name: $name) {"
    + BASE
    + "  }\n  nodes(ids: $ids) { ...Row }\n}\n"
    + PULL_FIELDS
)
"""Rows of pull requests by their node ids."""


def glance(pages: int) -> str:
    """What can have changed of every open pull request, `pages` of a hundred in one call, and some rows in full.

    Variables: `ids` of the rows wanted in full, and `after1`, `after2` ...: the ends of the pages before, which stay
    valid because the oldest come first. Costs one point for up to 19 rows, whatever the pages.
    """
    cursors = "".join(f", $after{page}: String!" for page in range(1, pages))
    listed = "".join(
        f"    page{page}: pullRequests(states: [OPEN], first: {GLANCE}{f', after: $after{page}' if page else ''}, "
        "orderBy: {field: CREATED_AT, direction: ASC}) { pageInfo { hasNextPage endCursor } nodes { ...Glance } }\n"
        for page in range(pages)
    )
    return (
        f"query OpsGlance($owner: String!, $name: String!, $ids: [ID!]!{cursors}) {{\n  {LIMIT}\n"
        f"  repository(owner: $owner, name: $name) {{{BASE}{listed}  }}\n  nodes(ids: $ids) {{ ...Row }}\n}}\n"
        "fragment Glance on PullRequest {\n"
        "  id number updatedAt headRefOid isDraft mergeable mergeStateStatus statusCheckRollup { state }\n}\n"
        f"{PULL_FIELDS}"
    )
