/**
 * A user as GitHub's answers show one (the schema "Simple User" of its OpenAPI description). Nothing of it is looked up: the addresses are made from the login.
 * @param login such as `octocat`, or `github-actions[bot]`
 */
export const simpleUser = (login: string, id: number) => {
  const url = `https://api.github.com/users/${encodeURIComponent(login)}`
  return {
    login,
    id,
    node_id: nodeId('User', id),
    avatar_url: `https://avatars.githubusercontent.com/u/${id}`,
    gravatar_id: '',
    url,
    html_url: `https://github.com/${login.replace(/\[bot\]$/, '')}`,
    followers_url: `${url}/followers`,
    following_url: `${url}/following{/other_user}`,
    gists_url: `${url}/gists{/gist_id}`,
    starred_url: `${url}/starred{/owner}{/repo}`,
    subscriptions_url: `${url}/subscriptions`,
    organizations_url: `${url}/orgs`,
    repos_url: `${url}/repos`,
    events_url: `${url}/events{/privacy}`,
    received_events_url: `${url}/received_events`,
    type: login.endsWith('[bot]') ? 'Bot' : 'User',
    site_admin: false,
  }
}

/** A team as GitHub's answers show one (the schema "Team"), made from its organisation and name. */
export const team = (organization: string, name: string, id: number) => {
  const url = `https://api.github.com/orgs/${organization}/teams/${encodeURIComponent(name)}`
  return {
    id,
    node_id: nodeId('Team', id),
    name,
    slug: name.toLowerCase(),
    description: null,
    privacy: 'closed',
    notification_setting: 'notifications_enabled',
    permission: 'pull',
    url,
    html_url: `https://github.com/orgs/${organization}/teams/${name}`,
    members_url: `${url}/members{/member}`,
    repositories_url: `${url}/repos`,
    parent: null,
    type: 'organization' as const,
    organization_id: id,
  }
}

/** GitHub's node ids are base64 of a kind and a number. */
export const nodeId = (kind: string, id: number): string => Buffer.from(`${kind}${id}`).toString('base64')
